"""Long lists of removals, cut into commands."""

import pytest

from mys3d import limits
from mys3d.model.buckets import Versioning
from mys3d.model.names import NULL_VERSION, ObjectKey, VersionId
from mys3d.operations.batching import Removal, batches
from mys3d.registry import codec
from mys3d.registry.commands import DeleteObjects, Precondition, Proposal, Wanted

CONDITION = Precondition("e" * limits.entity_tag_bytes_max, if_modified_at=2**62, if_size=2**62)


@pytest.mark.parametrize("wanted", [Wanted(), Wanted(VersionId(2**62), CONDITION)], ids=["plain", "conditional"])
@pytest.mark.parametrize("versioning", list(Versioning))
def test_a_batch_stays_within_its_bytes_keys_and_rows(versioning: Versioning, wanted: Wanted) -> None:
    removals = [Removal(ObjectKey(f"{number:04}" + "k" * (number % 1000)), wanted) for number in range(1000)]
    rows = [1 + number % 33 for number in range(1000)]
    cut = list(batches(removals, rows, versioning))
    assert [removal for batch in cut for removal in batch] == removals
    at = 0
    for batch in cut:
        command = DeleteObjects(2, tuple(each.key for each in batch), tuple(each.wanted for each in batch))
        size = len(codec.encode_proposal(Proposal(1, b"o" * 16, 2**62, 2**62, command)))
        assert size < limits.command_bytes_max
        assert len(batch) <= (limits.delete_keys_max_at_once if versioning == "" else limits.delete_versions_max)
        assert sum(rows[at : at + len(batch)]) <= limits.delete_command_rows_max
        at += len(batch)


def test_nothing_is_cut_into_nothing() -> None:
    assert list(batches([], [], Versioning.NEVER)) == []


def test_one_removal_that_is_too_large_goes_alone() -> None:
    alone = [Removal(ObjectKey("k"))]
    assert list(batches(alone, [10_000], Versioning.NEVER)) == [alone]


def test_a_key_that_gets_two_markers_gets_them_by_two_commands() -> None:
    twice = [Removal(ObjectKey("a")), Removal(ObjectKey("b")), Removal(ObjectKey("a"))]
    assert list(batches(twice, [5] * 3, Versioning.ENABLED)) == [twice[:2], twice[2:]]
    assert list(batches(twice, [5] * 3, Versioning.NEVER)) == [twice]
    versions = [Removal(ObjectKey("a"), Wanted(VersionId(number + 1))) for number in range(3)]
    assert list(batches(versions, [5] * 3, Versioning.ENABLED)) == [versions]


def test_a_removal_knows_its_version_as_the_client_named_it() -> None:
    assert Removal(ObjectKey("k")).named is None
    assert Removal(ObjectKey("k"), Wanted(NULL_VERSION)).named == "null"
