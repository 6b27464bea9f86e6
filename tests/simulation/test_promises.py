"""What a node must remember: each broken promise is noted, and a fault excuses it."""

import pytest

from mys3d.consensus.disk import NO_OP, Loaded, Work
from mys3d.model.digest import digest_of
from mys3d.model.names import GcEpoch
from tests.simulation.promises import Promises

BLOB = digest_of(b"blob")


class Node:
    def __init__(self) -> None:
        self.problems: list[str] = []
        self.promises = Promises(self.problems.append)

    def writes(self, index: int, term: int, vote: tuple[int, str | None] | None = None) -> None:
        self.promises.wrote(Work(b"records", vote, (NO_OP, index, term), index))

    def starts(self, index: int, term: int, vote: tuple[int, str | None]) -> None:
        self.promises.loaded(Loaded([(NO_OP, 1, 0), (NO_OP, index, term)], *vote))


@pytest.fixture
def node() -> Node:
    node = Node()
    node.writes(9, 3, (3, "b"))
    return node


@pytest.mark.parametrize(
    ("index", "term", "vote"),
    [(9, 3, (3, "b")), (10, 3, (3, "b")), (7, 4, (4, None)), (9, 3, (4, "c"))],
    ids=["the same", "more than was known", "a later leader's", "a later vote"],
)
def test_what_was_synced_is_found_again(node: Node, index: int, term: int, vote: tuple[int, str | None]) -> None:
    node.starts(index, term, vote)
    assert node.problems == []


@pytest.mark.parametrize(
    ("index", "term", "vote"),
    [(8, 3, (3, "b")), (9, 2, (3, "b")), (9, 3, (2, "b")), (9, 3, (3, None)), (9, 3, (3, "c"))],
    ids=["an entry less", "an older log", "an older term", "no vote", "another vote"],
)
def test_what_was_synced_and_is_gone_is_noted(node: Node, index: int, term: int, vote: tuple[int, str | None]) -> None:
    node.starts(index, term, vote)
    assert len(node.problems) == 1


def test_a_harmed_journal_owes_nothing_until_it_is_put_aside(node: Node) -> None:
    node.promises.is_journal_harmed = True
    node.starts(2, 1, (1, None))
    node.promises.put_aside()
    assert node.problems == []
    node.writes(5, 4, (4, "a"))
    node.starts(4, 4, (4, "a"))
    assert len(node.problems) == 1


def test_a_journal_that_nothing_harmed_is_not_given_up(node: Node) -> None:
    node.promises.put_aside()
    node.promises.put_aside()
    assert len(node.problems) == 1


def test_a_log_that_began_anew_behind_a_snapshot_may_be_shorter(node: Node) -> None:
    node.promises.resets(6, 3)
    node.promises.was_reset()
    node.starts(6, 3, (3, "b"))
    assert node.problems == []
    node.starts(5, 3, (3, "b"))
    assert len(node.problems) == 1


@pytest.mark.parametrize("found", [(9, 3), (12, 3)], ids=["the old log", "the new one"])
def test_a_crash_while_the_log_begins_anew_leaves_either_log(node: Node, found: tuple[int, int]) -> None:
    node.promises.resets(12, 3)
    node.starts(*found, (3, "b"))
    assert node.problems == []
    node.starts(found[0] - 1, 3, (3, "b"))
    assert len(node.problems) == 1


def test_rows_that_end_before_the_journal_begins_are_noted_unless_they_were_lost(node: Node) -> None:
    node.promises.began_log(applied=0, is_stale=True)
    node.promises.began_log(applied=5, is_stale=False)
    assert node.problems == []
    node.promises.began_log(applied=5, is_stale=True)
    assert len(node.problems) == 1


def test_a_blob_said_to_be_held_is_kept_until_commits_of_that_epoch_are_refused(node: Node) -> None:
    node.promises.held(BLOB, GcEpoch(4))
    node.promises.held(BLOB, GcEpoch(3))
    node.promises.forgot(BLOB, GcEpoch(4))
    assert node.problems == []
    node.promises.held(BLOB, GcEpoch(5))
    node.promises.forgot(BLOB, GcEpoch(4))
    assert len(node.problems) == 1
    node.promises.held(BLOB, GcEpoch(6))
    node.promises.lost_blobs()
    node.promises.forgot(BLOB, GcEpoch(4))
    assert len(node.problems) == 1
