"""The sentence of the status page never promises too much."""

from dataclasses import replace

import pytest

from mys3d.engine.summary import Facts, health_of, losses_allowed, sentence_of, writable
from mys3d.model.settings import WriteQuorum

THREE = Facts(
    voters=3, voters_up=3, members=3, members_up=3, storage_up=3, replicas=3, missing_blobs=0, is_settled=True,
    has_leader=True,
)  # fmt: skip
ONE = replace(THREE, voters=1, voters_up=1, members=1, members_up=1, storage_up=1, replicas=1)
TWO = replace(THREE, voters=2, voters_up=2, members=2, members_up=2, storage_up=2, replicas=2)
FIVE = replace(THREE, voters=5, voters_up=5, members=5, members_up=5, storage_up=5)
ONE_DOWN = replace(THREE, voters_up=2, members_up=2, storage_up=2)
RESTORING = replace(THREE, missing_blobs=7)
TWO_DOWN = replace(THREE, voters_up=1, members_up=1, storage_up=1)


def told(facts: Facts) -> str:
    return sentence_of(facts, losses_allowed(facts))


@pytest.mark.parametrize(
    ("facts", "health", "sentence"),
    [
        (THREE, "healthy", "can lose 1 node"),
        (FIVE, "healthy", "can lose 2 nodes"),
        (ONE, "healthy", "no redundancy: one node holds the only copy"),
        (TWO, "healthy", "cannot lose a node: writes need both"),
        (ONE_DOWN, "degraded", "cannot lose another node: 1 of 3 are down"),
        (RESTORING, "degraded", "cannot lose a node: 7 copies are being restored"),
        (replace(THREE, is_settled=False), "degraded", "cannot lose a node: copies are being checked"),
        (TWO_DOWN, "unavailable", "writes stand still: 1 of 3 voters can vote, 2 are needed"),
        (replace(THREE, quorum=WriteQuorum.ALL), "healthy", "cannot lose a node"),
        (
            replace(ONE_DOWN, quorum=WriteQuorum.ALL),
            "unavailable",
            "writes stand still: 2 nodes can take blobs, 3 are needed",
        ),
        (replace(THREE, has_leader=False), "unavailable", "writes stand still: no leader is known"),
        (replace(THREE, storage_up=1), "unavailable", "writes stand still: 1 nodes can take blobs, 2 are needed"),
    ],
)  # fmt: skip
def test_a_cluster_is_summed_up_in_a_sentence(facts: Facts, health: str, sentence: str) -> None:
    assert (health_of(facts), told(facts)) == (health, sentence)


def test_a_missing_copy_counts_as_the_copy_that_a_dead_node_might_have_held() -> None:
    facts = replace(FIVE, members_up=4, voters_up=4, storage_up=4, missing_blobs=1)
    assert losses_allowed(facts) == 0


def test_a_cluster_that_can_lose_a_node_is_writable_after_losing_it() -> None:
    for facts in (THREE, FIVE):
        for _ in range(losses_allowed(facts)):
            facts = replace(
                facts,
                voters_up=facts.voters_up - 1,
                members_up=facts.members_up - 1,
                storage_up=facts.storage_up - 1,
            )
        assert writable(facts)
