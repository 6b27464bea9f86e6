"""The layout of record and volume headers: what is written is read, and nothing else is."""

import itertools
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mys3d import limits
from mys3d.blobs import record
from mys3d.blobs.record import Malformed, RecordHeader, VolumeHeader
from mys3d.model.digest import Digest, digest_of

KEY = bytes(range(32))
VOLUME = VolumeHeader(3, b"c" * 16, b"d" * 16, KEY)
STRETCH = limits.sub_digest_bytes
Build = Callable[..., tuple[Digest, bytes]]


def header_of(data: bytes, offset: int = 4096, synced_end: int = 4096) -> RecordHeader:
    return RecordHeader(
        digest_of(data), len(data), record.BLOB, offset, synced_end, record.sub_digests([data], len(data))
    )


@given(st.integers(1, limits.blob_bytes_max), st.integers(0, 2**40), st.integers(0, 2**40))
def test_a_header_is_parsed_as_it_was_encoded(length: int, place: int, synced_end: int) -> None:
    stretches = -(-length // STRETCH)
    subs = tuple(bytes([at % 256]) * 32 for at in range(stretches)) if stretches > 1 else ()
    header = RecordHeader(Digest(b"n" * 32), length, record.BLOB, place * 16, synced_end, subs)
    encoded = record.encode_header(header, KEY)
    assert len(encoded) == record.header_bytes(length) <= record.HEADER_BYTES_MAX
    assert record.parse_header(encoded + b"data behind it", place * 16, KEY) == header


@pytest.mark.parametrize("length", [100, STRETCH + 1])
def test_no_flipped_bit_of_a_header_passes(length: int) -> None:
    encoded = record.encode_header(header_of(bytes(length)), KEY)
    for bit in range(len(encoded) * 8):
        flipped = bytearray(encoded)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Malformed):
            record.parse_header(flipped, 4096, KEY)


def test_a_header_is_valid_at_its_own_place_only() -> None:
    encoded = record.encode_header(header_of(b"x"), KEY)
    with pytest.raises(Malformed, match="offset 4096"):
        record.parse_header(encoded, 4112, KEY)


def test_a_header_of_another_volume_is_refused() -> None:
    encoded = record.encode_header(header_of(b"x"), KEY)
    with pytest.raises(Malformed, match="checksum"):
        record.parse_header(encoded, 4096, bytes(32))


@pytest.mark.parametrize("length", [100, STRETCH + 1])
def test_a_header_that_ends_early_is_refused(length: int) -> None:
    encoded = record.encode_header(header_of(bytes(length)), KEY)
    for stop in range(len(encoded)):
        with pytest.raises(Malformed):
            record.parse_header(encoded[:stop], 4096, KEY)


def test_a_blob_of_length_zero_is_no_record() -> None:
    empty = RecordHeader(Digest(bytes(32)), 0, record.BLOB, 4096, 4096, ())
    with pytest.raises(Malformed, match="length 0"):
        record.parse_header(record.encode_header(empty, KEY), 4096, KEY)


def test_a_record_of_a_later_kind_is_parsed_so_that_it_can_be_stepped_over() -> None:
    later = RecordHeader(Digest(bytes(32)), 0, 1, 4096, 4096, ())
    assert record.parse_header(record.encode_header(later, KEY), 4096, KEY).flags == 1


def test_records_start_at_aligned_places() -> None:
    for length in [1, 15, 16, 17, 4096, STRETCH, STRETCH + 1, limits.blob_bytes_max]:
        size = record.record_bytes(length)
        assert size % record.ALIGNMENT == 0
        assert 0 <= size - record.header_bytes(length) - length < record.ALIGNMENT


@given(st.integers(0, 2**32), st.integers(1, 5 * STRETCH), st.lists(st.integers(0, 5 * STRETCH), max_size=6))
def test_sub_digests_do_not_depend_on_how_a_blob_is_cut_into_pieces(seed: int, length: int, cuts: list[int]) -> None:
    data = random.Random(seed).randbytes(length)
    edges = sorted({0, length, *(cut for cut in cuts if cut < length)})
    pieces = [data[start:stop] for start, stop in itertools.pairwise(edges)]
    stretches = [data[at : at + STRETCH] for at in range(0, length, STRETCH)]
    expected = tuple(digest_of(stretch) for stretch in stretches) if length > STRETCH else ()
    assert record.sub_digests(pieces, length) == expected


def test_a_single_stretch_is_named_by_the_blob_itself(blob: Build) -> None:
    name, data = blob(1, 100)
    assert header_of(data).stretch_digest(0) == name


def test_a_volume_header_is_parsed_as_it_was_encoded() -> None:
    page = record.encode_volume_header(VOLUME)
    assert len(page) == record.RECORDS_START
    assert record.parse_volume_header(page) == VOLUME


def test_one_rotten_copy_of_a_volume_header_does_not_cost_the_volume() -> None:
    for offset in record.VOLUME_HEADER_OFFSETS:
        for at in range(record.VOLUME_HEADER_BYTES):
            page = bytearray(record.encode_volume_header(VOLUME))
            page[offset + at] ^= 0x10
            assert record.parse_volume_header(bytes(page)) == VOLUME


def test_a_volume_header_with_both_copies_rotten_is_refused() -> None:
    page = bytearray(record.encode_volume_header(VOLUME))
    for offset in record.VOLUME_HEADER_OFFSETS:
        page[offset + 20] ^= 1
    with pytest.raises(Malformed, match="neither copy"):
        record.parse_volume_header(bytes(page))


def test_a_volume_header_of_an_unknown_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "VOLUME_FORMAT", 2)
    page = record.encode_volume_header(VOLUME)
    monkeypatch.undo()
    with pytest.raises(Malformed, match="found 2"):
        record.parse_volume_header(page)


def test_the_bytes_of_format_1_do_not_change() -> None:
    assert record.encode_header(header_of(b"x"), KEY).hex() == (
        "4d595352010000000100000000000000001000000000000000100000000000003ae7d805f6789a64"
        "02acb70ad4096a85a56bf6804eaf25c0493ac697548d30b5deca55fcb12c199d19e4156361643809"
    )
    assert record.encode_volume_header(VOLUME)[: record.VOLUME_HEADER_BYTES].hex() == (
        "4d59533344564f4c0100000003000000636363636363636363636363636363636464646464646464"
        "6464646464646464000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
        "0000000000000000000000000000000054db372d3c2382383a3f9a6dc2429c40ae85c84ac54ec6eb"
        "74336d55abfae4ba"
    )
