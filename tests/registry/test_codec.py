"""Proposals and records as bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mys3d.model.names import Instant, LogIndex, OperationId
from mys3d.model.objects import Checksum
from mys3d.registry import codec
from mys3d.registry.commands import Proposal
from mys3d.registry.records import GcEpochRow


def proposal(make, command):
    return Proposal(codec.FORMAT, OperationId(b"o" * 16), LogIndex(9), Instant(1), command)


def test_a_proposal_is_read_back(make):
    for command in (
        make.put(2, "k\x00é", "one"),
        make.delete_many(2, ["a", "b"]),
        make.stage(None, 0, "one"),
        make.initialise("n1"),
    ):
        sent = proposal(make, command)
        assert codec.decode_proposal(codec.encode_proposal(sent)) == sent


def test_a_large_proposal_is_not_remembered(make):
    sent = proposal(make, make.put(2, "k", *[f"{number:04}" for number in range(300)]))
    payload = codec.encode_proposal(sent)
    assert len(payload) > 4096
    assert codec.decode_proposal(payload) is not codec.decode_proposal(payload)
    small = codec.encode_proposal(proposal(make, make.delete(2, "k")))
    assert codec.decode_proposal(small) is codec.decode_proposal(small)


@pytest.mark.parametrize("payload", [b"", b"\xc0", b"junk", b"\x91" * 10_000, b"\x95\x01\xc4\x00\x00\x00\x91\xa3xxx"])
def test_what_is_no_proposal_is_a_value_error(payload):
    with pytest.raises(ValueError, match="not a proposal"):
        codec.decode_proposal(payload)


def test_bytes_behind_a_proposal_are_refused(make):
    with pytest.raises(ValueError, match="not a proposal"):
        codec.decode_proposal(codec.encode_proposal(proposal(make, make.initialise("n1"))) + b"\x00")


def test_text_that_is_no_utf8_is_refused(make):
    payload = codec.encode_proposal(proposal(make, make.put(2, "kkkk", "one"))).replace(b"kkkk", b"\xed\xa0\x80k")
    with pytest.raises(ValueError, match="not a proposal"):
        codec.decode_proposal(payload)


def test_a_format_of_the_future_is_refused(make):
    with pytest.raises(ValueError, match="proposal of format 2"):
        codec.decode_proposal(codec.encode_proposal(Proposal(2, OperationId(b""), 1, 1, make.initialise("n"))))


def test_the_bytes_of_a_proposal_are_fixed(make):
    payload = codec.encode_proposal(proposal(make, make.delete(2, "k")))
    assert payload.hex() == "9501c4106f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f090195a2726d02a16bc094a0a0c0c0"


def test_a_proposal_of_before_versioning_is_read(make):
    """A condition of two texts, a copy of the visible version, a removal of plain keys."""
    head = "9501c4106f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f0901"
    old = {
        "95a2726d02a16bc092a0a0": make.delete(2, "k"),
        "98a26370 01a162 01a161 03c0 92a0a0": make.copy(1, "b", "a", 3),
        "93a3726d73 02 92a161a162": make.delete_many(2, ["a", "b"]),
    }
    for text, command in old.items():
        assert codec.decode_proposal(bytes.fromhex(head + text)) == proposal(make, command)


@given(st.binary(max_size=200))
def test_decoding_any_bytes_gives_a_proposal_or_a_value_error(payload):
    try:
        found = codec.decode_proposal(payload)
    except ValueError:
        return
    assert isinstance(found, Proposal)


def test_a_checksum_of_an_older_release_is_of_a_whole_object():
    assert codec.decoder(Checksum).decode(bytes.fromhex("93a54352433332c40431323334c2")) == Checksum("CRC32", b"1234")


@pytest.mark.parametrize("row", [b"", b"\xc1", b"junk", codec.encode(GcEpochRow(1, 7)) + b"\x00", b"\x92\x01\xa1x"])
def test_a_row_that_does_not_decode_is_damage(row):
    assert codec.decoder(GcEpochRow).decode(codec.encode(GcEpochRow(1, 7))) == GcEpochRow(1, 7)
    with pytest.raises(codec.RowDamaged, match="a row of kind GcEpochRow does not decode"):
        codec.decoder(GcEpochRow).decode(row)


def test_a_row_whose_text_is_no_utf8_is_damage():
    row = codec.encode(Checksum("CRC32", b"1234")).replace(b"CRC32", b"\xeeRC32")
    with pytest.raises(codec.RowDamaged, match="a row of kind Checksum does not decode"):
        codec.decoder(Checksum).decode(row)
