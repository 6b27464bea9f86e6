"""The note of an install: whole or not there."""

from pathlib import Path

import pytest

from mys3d.consensus.marker import MARKER_BYTES, Install, parse
from mys3d.consensus.segments import JournalDamaged

CLUSTER = b"c" * 16
PATH = Path("install")
NOTE = Install(70_000, 5, "g-00000012")


def test_a_note_is_read_as_it_was_written():
    data = NOTE.pack(CLUSTER)
    assert len(data) == MARKER_BYTES == 96
    assert parse(PATH, data, CLUSTER) == NOTE


def test_a_note_that_was_being_written_is_none():
    data = NOTE.pack(CLUSTER)
    assert all(parse(PATH, data[:length], CLUSTER) is None for length in range(len(data)))
    assert parse(PATH, bytes(len(data)), CLUSTER) is None


def test_a_note_of_another_cluster_refuses():
    with pytest.raises(JournalDamaged, match="of this cluster"):
        parse(PATH, NOTE.pack(b"d" * 16), CLUSTER)
