"""The shared log: what the flows may expect of ports.Registry, and what a test can take from a node."""

import msgspec
import pytest
import trio

from mys3d import limits
from mys3d.consensus.memory import MemoryCluster
from mys3d.errors import OutcomeUnknown, Reason, Rejected, Unavailable
from mys3d.model.buckets import BucketConfiguration
from mys3d.model.members import Addresses
from mys3d.registry import codec, invariants, keys, queries
from mys3d.registry.amendments import TagBucket
from mys3d.registry.codec import RowDamaged
from mys3d.registry.commands import CreateBucket, CreateToken, InitialiseCluster, JoinMember
from mys3d.registry.levels import LEVEL


def initialise(node):
    return InitialiseCluster(
        b"c" * 16, node, node, b"i" * 16, Addresses("a:1", "a:2", "a:3"), "z1", 1, "us-east-1", LEVEL
    )


def make_bucket(name):
    return CreateBucket(name, "root", BucketConfiguration())


@pytest.fixture
async def cluster():
    """n1 leads, n2 and n3 vote as well."""
    cluster = MemoryCluster()
    for node in ("n1", "n2", "n3"):
        cluster.registry(node)
    await cluster.registry("n1").propose(initialise("n1"))
    for node in ("n2", "n3"):
        await cluster.registry("n1").set_voter(node, True)
    return cluster


async def test_what_one_node_proposes_every_node_applies(cluster):
    await cluster.registry("n2").propose(make_bucket("photos"))
    for node in cluster.nodes.values():
        assert queries.bucket(node.view(), "photos") is not None
    assert len({invariants.digest(node.rows) for node in cluster.nodes.values()}) == 1


async def test_a_late_node_applies_the_log_from_its_beginning(cluster):
    await cluster.registry("n1").propose(make_bucket("photos"))
    assert queries.bucket(cluster.registry("n4").view(), "photos") is not None


async def test_a_refusal_is_raised(cluster):
    with pytest.raises(Rejected) as refusal:
        await cluster.registry("n1").propose(initialise("n1"))
    assert refusal.value.reason is Reason.ALREADY_INITIALISED


async def test_listeners_hear_commands_with_their_outcomes(cluster):
    heard = []
    cluster.registry("n3").subscribe(heard.extend)
    applied = await cluster.registry("n1").propose(make_bucket("photos"))
    assert [(entry.index, entry.outcome) for entry in heard] == [(applied.index, applied)]


async def test_an_isolated_node_can_neither_propose_nor_read_fresh(cluster):
    cluster.isolate("n3")
    with pytest.raises(Unavailable):
        await cluster.registry("n3").propose(make_bucket("photos"))
    with pytest.raises(Unavailable):
        await cluster.registry("n3").barrier()
    await cluster.registry("n1").propose(make_bucket("photos"))
    assert queries.bucket(cluster.registry("n3").view(), "photos") is None


async def test_a_healed_node_catches_up(cluster):
    cluster.isolate("n3")
    await cluster.registry("n1").propose(make_bucket("photos"))
    cluster.heal("n3")
    assert await cluster.registry("n3").barrier() == 4
    assert queries.bucket(cluster.registry("n3").view(), "photos") is not None


async def test_without_a_majority_nothing_is_accepted(cluster):
    cluster.isolate("n2")
    cluster.isolate("n3")
    with pytest.raises(Unavailable):
        await cluster.registry("n1").propose(make_bucket("photos"))
    assert cluster.registry("n1").status().leader is None


async def test_another_node_leads_when_the_leader_is_isolated(cluster):
    before = cluster.registry("n2").status()
    cluster.isolate("n1")
    after = cluster.registry("n2").status()
    assert (before.leader, after.leader) == ("n1", "n2")
    assert after.term > before.term


async def test_a_paused_node_does_not_know_what_became_of_its_proposal(cluster, autojump_clock):
    cluster.pause("n2")
    started = trio.current_time()
    with pytest.raises(OutcomeUnknown) as unknown:
        await cluster.registry("n2").propose(make_bucket("photos"))
    assert trio.current_time() - started == pytest.approx(limits.propose_deadline_seconds)
    assert queries.outcome(cluster.registry("n1").view(), unknown.value.operation_id) is not None


async def test_a_barrier_waits_until_a_paused_node_goes_on(cluster, autojump_clock, nursery):
    cluster.pause("n2")
    await cluster.registry("n1").propose(make_bucket("photos"))

    async def later():
        await trio.sleep(1)
        cluster.heal("n2")

    nursery.start_soon(later)
    assert await cluster.registry("n2").barrier() == 4


async def test_a_barrier_of_a_node_that_stays_behind_is_unavailable(cluster, autojump_clock):
    cluster.pause("n2")
    await cluster.registry("n1").propose(make_bucket("photos"))
    with pytest.raises(Unavailable, match="applied 3 of 4"):
        await cluster.registry("n2").barrier()


async def test_only_the_leader_knows_who_has_caught_up_and_changes_voters(cluster):
    cluster.pause("n3")
    for number in range(9):
        await cluster.registry("n1").propose(make_bucket(f"bucket{number}"))
    assert cluster.registry("n1").caught_up("n2")
    assert not cluster.registry("n1").caught_up("n3")
    assert not cluster.registry("n2").caught_up("n2")
    assert cluster.registry("n1").status().lag == {"n2": 0, "n3": 9}
    with pytest.raises(Unavailable):
        await cluster.registry("n2").set_voter("n3", False)


async def test_a_scan_sees_the_applied_rows(cluster):
    await cluster.registry("n1").propose(make_bucket("photos"))
    assert len(await cluster.registry("n2").scan(lambda reader: queries.buckets(reader, "", 10))) == 1


async def test_a_node_whose_rows_do_not_decode_stands_down(cluster):
    def misread(_):
        raise RowDamaged("row x")

    with pytest.raises(Unavailable, match="row x"):
        await cluster.registry("n2").scan(misread)
    for call in (cluster.registry("n2").barrier, lambda: cluster.registry("n2").propose(make_bucket("photos"))):
        with pytest.raises(Unavailable, match="row x"):
            await call()
    await cluster.registry("n1").barrier()


async def test_a_command_that_some_member_does_not_know_is_not_proposed(cluster):
    await cluster.registry("n1").propose(CreateToken(b"t" * 32, 2**62))
    await cluster.registry("n1").propose(
        JoinMember(b"t" * 32, "n2", "n2", b"i" * 16, Addresses("a:4", "a:5", "a:6"), "z1", 1, LEVEL)
    )
    await cluster.registry("n1").propose(make_bucket("photos"))
    tag = TagBucket(queries.bucket(cluster.registry("n1").rows, "photos").id, (("a", "b"),))
    await cluster.registry("n2").propose(tag)
    for node in cluster.nodes.values():
        old = msgspec.structs.replace(queries.member(node.rows, "n2"), level=0)
        node.rows.commit([(keys.member("n2"), codec.encode(old))])
    with pytest.raises(Unavailable, match="upgrade n2 first"):
        await cluster.registry("n1").propose(tag)
