"""Rows that are read before an entry is applied."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mys3d import limits
from mys3d.model.names import Instant, LogIndex, OperationId, Term
from mys3d.registry import ahead, codec, keys
from mys3d.registry.apply import apply_command
from mys3d.registry.commands import Proposal
from mys3d.registry.memory import MemoryRows
from mys3d.registry.transaction import Overlay

SHARED = (keys.BUCKETS, keys.BUCKET_NAMES, keys.LAYOUT, keys.GC_EPOCH, keys.NOW)  # the same rows for all entries


class Counting(MemoryRows):
    """Remembers which rows were looked up one by one."""

    def __init__(self, rows):
        super().__init__(rows)
        self.looked_up = []

    def get(self, key, /):
        self.looked_up.append(key)
        return super().get(key)


def payload_of(command, index=1):
    expires_at = LogIndex(index + limits.operation_lifetime_entries)
    return codec.encode_proposal(
        Proposal(codec.FORMAT, OperationId(b"o" * 16), expires_at, Instant(1_800_000_000_000), command)
    )


@pytest.mark.parametrize("kind", ["put", "delete", "delete_many", "overwrite"])
def test_what_an_entry_looks_up_was_read_ahead(machine, make, kind):
    bucket = machine.bucket()
    machine.done(make.put(bucket, "old", "one"))
    commands = {
        "put": make.put(bucket, "new", "two"),
        "overwrite": make.put(bucket, "old", "two"),
        "delete": make.delete(bucket, "none"),
        "delete_many": make.delete_many(bucket, ["none", "neither"]),
    }
    index = LogIndex(limits.operation_lifetime_entries + 7)
    payload = payload_of(commands[kind], index)
    rows = Counting(machine.rows.rows())
    wanted = ahead.rows_of(index, payload)
    overlay = Overlay(rows)
    overlay.learn(dict(zip(wanted, rows.get_many(wanted), strict=True)))
    apply_command(overlay, index, Term(1), payload)
    single = [key for key in rows.looked_up if not key.startswith(SHARED)]
    replaced = [key for key in single if key.startswith(keys.REFERENCES)]  # of the blob that goes: named by a row
    assert len(replaced) == (kind == "overwrite")
    assert single == replaced


def test_a_proposal_with_a_number_that_has_no_place_names_no_rows(make):
    command = msgspec.structs.replace(make.put(2, "k", "one"), bucket=-1)
    assert ahead.rows_of(LogIndex(1), payload_of(command)) == ()


def test_commands_of_the_cluster_look_up_their_outcome(make):
    found = ahead.rows_of(LogIndex(1), payload_of(make.initialise("n1")))
    assert [key[:1] for key in found] == [keys.OUTCOMES, keys.OUTCOMES_AT]


def test_a_part_looks_up_its_blobs(machine, make):
    bucket = machine.bucket()
    upload = machine.upload(bucket)
    found = ahead.rows_of(LogIndex(1), payload_of(make.part(bucket, "k", upload, 1, "one")))
    assert [key[:1] for key in found] == [keys.OUTCOMES, keys.OUTCOMES_AT, keys.REFERENCES]


@given(st.binary(max_size=200))
def test_any_bytes_name_some_rows_or_none(payload):
    assert all(isinstance(key, bytes) for key in ahead.rows_of(LogIndex(5), payload))
