"""Raft's words on the wire."""

import pytest

from mys3d import limits
from mys3d.consensus import messages
from mys3d.consensus.messages import AppendEntries, AppendReply, Confirm, Forward, PreVote, RequestVote, Vote


@pytest.mark.parametrize(
    "message",
    [
        AppendEntries(3, 7, 6, 2, ((b"\0one", 7, 3), (b"\0two", 8, 3))),
        AppendReply(3, 9, None),
        AppendReply(3, 9, 4),
        Vote(4),
        Forward(2, ((1, b"\0command"),)),
        Confirm(5, 6),
    ],
)
def test_a_message_reads_back(message):
    assert messages.decode(messages.encode(message)) == message


def test_an_entry_reads_back_as_the_tuple_that_the_journal_holds():
    message = messages.decode(messages.encode(AppendEntries(1, 1, 1, 0, ((b"\0", 2, 1),))))
    assert message.entries == ((b"\0", 2, 1),)


@pytest.mark.parametrize("frame", [b"", b"\x80", b"\x91\xa2zz", b"\x93\xa2vo\xc3\xc3"])
def test_what_is_no_message_is_a_value_error(frame):
    with pytest.raises(ValueError):
        messages.decode(frame)


def test_a_frame_over_the_bound_is_refused_unread():
    with pytest.raises(ValueError, match="at most"):
        messages.decode(bytes(limits.control_frame_bytes_max + 1))


def test_the_wire_format_is_fixed():
    assert messages.encode(AppendReply(3, 9, None, b"i")).hex() == "95a261720309c0c40169"
    assert messages.encode(Vote(4)).hex() == "92a2766f04"


@pytest.mark.parametrize(
    ("frame", "meaning"),
    [
        ("94a261720309c0", AppendReply(3, 9, None)),
        ("94a27276030902", RequestVote(3, 9, 2)),
        ("95a2707601030902", PreVote(1, 3, 9, 2)),
        ("93a263660506", Confirm(5, 6)),
    ],
)
def test_frames_of_a_release_without_incarnations_are_read(frame, meaning):
    assert messages.decode(bytes.fromhex(frame)) == meaning
