"""The journal's bytes: what is read back, what is cut, what is refused."""

from pathlib import Path

import pytest

from mys3d.consensus import segments
from mys3d.consensus.segments import JournalDamaged, JournalForeign, SegmentHeader, TermRecord

CLUSTER = b"c" * 16
PATH = Path("0000000000000001.log")
HEADER = SegmentHeader(CLUSTER, sequence=1, previous_bytes=0, base_index=1, base_term=0)
SEED = segments.seed_of(HEADER)


def segment(*bodies):
    data = HEADER.pack()
    for body in bodies:
        data += segments.pack_batch(body, len(data), SEED)
    return data


def entries(count, start=2):
    return b"".join(segments.pack_entry((b"\0x%d" % index, index, 1)) for index in range(start, start + count))


def test_a_segment_header_has_64_bytes_and_reads_back():
    assert len(HEADER.pack()) == 64
    assert segments.parse_header(PATH, HEADER.pack(), CLUSTER) == HEADER


def test_a_segment_of_another_cluster_is_refused():
    with pytest.raises(JournalForeign, match="expected cluster 6464"):
        segments.parse_header(PATH, HEADER.pack(), b"d" * 16)


@pytest.mark.parametrize("offset", range(64))
def test_a_changed_byte_of_a_segment_header_is_refused(offset):
    data = bytearray(HEADER.pack())
    data[offset] ^= 1
    with pytest.raises(JournalDamaged):
        segments.parse_header(PATH, bytes(data), CLUSTER)


def test_batches_and_their_records_read_back_in_order():
    bodies, stop = segments.split_batches(PATH, segment(entries(2), entries(1, 4)), SEED, is_last=True)
    found = [(kind, entry) for body in bodies for kind, entry in segments.records(PATH, body)]
    assert found == [(segments.ENTRY, (b"\0x%d" % index, index, 1)) for index in (2, 3, 4)]
    assert stop == len(segment(entries(2), entries(1, 4)))


def test_the_last_batch_is_cut_wherever_its_write_stopped():
    whole = segment(entries(2), entries(3, 4))
    kept = len(segment(entries(2)))
    for length in range(kept, len(whole)):
        assert segments.split_batches(PATH, whole[:length], SEED, is_last=True) == ([entries(2)], kept)


def test_a_changed_byte_before_a_later_batch_is_refused_wherever_it_is():
    whole = segment(entries(2), entries(3, 4), entries(1, 7))
    for offset in range(64, len(segment(entries(2), entries(3, 4)))):
        data = bytearray(whole)
        data[offset] ^= 0x10
        with pytest.raises(JournalDamaged, match=r"proves? (that )?it was synced"):
            segments.split_batches(PATH, bytes(data), SEED, is_last=True)


def test_a_sealed_segment_is_never_cut():
    with pytest.raises(JournalDamaged, match="sealed segment") as damage:
        segments.split_batches(PATH, segment(entries(2), entries(3, 4))[:-1], SEED, is_last=False)
    assert damage.value.path == PATH
    assert damage.value.offset == len(segment(entries(2)))


def test_a_payload_that_imitates_a_batch_does_not_turn_a_torn_tail_into_damage():
    forged = segments.pack_batch(b"", 99, seed=0)
    whole = segment(entries(1), segments.pack_entry((b"\0" + forged * 3, 3, 1)))
    bodies, stop = segments.split_batches(PATH, whole[:-2], SEED, is_last=True)
    assert (len(bodies), stop) == (1, len(segment(entries(1))))


def test_a_term_record_reads_back_and_a_torn_one_is_not_whole():
    data = TermRecord(CLUSTER, 3, 7, "a" * 32).pack()
    assert segments.parse_term(PATH, data, CLUSTER) == TermRecord(CLUSTER, 3, 7, "a" * 32)
    assert segments.parse_term(PATH, data[:-1], CLUSTER) is None
    assert segments.parse_term(PATH, data[:20] + b"\xff" + data[21:], CLUSTER) is None


def test_no_vote_reads_back_as_none():
    assert segments.parse_term(PATH, TermRecord(CLUSTER, 1, 7, None).pack(), CLUSTER).vote is None


def test_records_that_end_beyond_their_batch_are_refused():
    with pytest.raises(JournalDamaged):
        list(segments.records(PATH, entries(1)[:-1]))
