"""What Raft says on the wire.        Floor: driver. Called by: transport, raft, append, election, read_index.

Law: msgpack, never pickle; a frame is one message, at most 1 MiB; log entries travel as the bytes that the journal
holds. Tags and field order are wire format 1: never rename or reorder one, add fields at the end with a default."""

from typing import Final

import msgspec

from mys3d import limits

Entry = tuple[bytes, int, int]  # command with its type byte, log index, term


class AppendEntries(msgspec.Struct, frozen=True, array_like=True, tag="ae"):
    """`entries` follow the entry (previous_index, previous_term). `quiet`: carries only a commit index, needs no reply.

    `previous_index` 0: the receiver needs a snapshot; a heartbeat only.
    """

    term: int
    commit_index: int
    previous_index: int
    previous_term: int
    entries: tuple[Entry, ...]
    quiet: bool = False


class AppendReply(msgspec.Struct, frozen=True, array_like=True, tag="ar"):
    """`next_index`: the next entry wanted. `rejected`: the previous index that did not match, None on success."""

    term: int
    next_index: int
    rejected: int | None
    incarnation: bytes = b""  # of the sender: what it acknowledged in another one may be lost


class RequestVote(msgspec.Struct, frozen=True, array_like=True, tag="rv"):
    """Addressed to a node in one incarnation. `is_pair`: the log has two voters, the sender and the receiver."""

    term: int
    last_index: int
    last_term: int
    incarnation: bytes = b""
    is_pair: bool = False


class Vote(msgspec.Struct, frozen=True, array_like=True, tag="vo"):
    term: int


class PreVote(msgspec.Struct, frozen=True, array_like=True, tag="pv"):
    """Would you vote for me in `term`? Nothing is stored on either side."""

    id: int
    term: int
    last_index: int
    last_term: int
    incarnation: bytes = b""
    is_pair: bool = False


class PreVoteGranted(msgspec.Struct, frozen=True, array_like=True, tag="pg"):
    id: int


class HigherTerm(msgspec.Struct, frozen=True, array_like=True, tag="ht"):
    term: int


class TimeoutNow(msgspec.Struct, frozen=True, array_like=True, tag="tn"):
    """The leader asks its successor to stand for election at once."""

    term: int


class Rejoin(msgspec.Struct, frozen=True, array_like=True, tag="rj"):
    """You acknowledged the entry (index, entry_term) in this term and do not hold it now: your journal is not yours."""

    term: int
    index: int
    entry_term: int


class Forward(msgspec.Struct, frozen=True, array_like=True, tag="fw"):
    """Commands of one cycle for the leader. `now` is the sender's wall clock in milliseconds at sending."""

    now: int
    commands: tuple[tuple[int, bytes], ...]  # request number, command with its type byte


class ForwardReply(msgspec.Struct, frozen=True, array_like=True, tag="fr"):
    """Error 0: the leader appended the command (a hint, no promise). Otherwise it certainly did not."""

    answers: tuple[tuple[int, int], ...]  # request number, error


class ReadRequest(msgspec.Struct, frozen=True, array_like=True, tag="rq"):
    """Ask the leader for an index that covers everything acknowledged so far."""

    id: int


class ReadReply(msgspec.Struct, frozen=True, array_like=True, tag="rr"):
    id: int
    index: int | None  # None: not the leader, or not confirmed


class Confirm(msgspec.Struct, frozen=True, array_like=True, tag="cf"):
    """Do you know of no term above `term`? Addressed like a request for a vote."""

    id: int
    term: int
    incarnation: bytes = b""
    is_pair: bool = False


class Confirmed(msgspec.Struct, frozen=True, array_like=True, tag="ck"):
    id: int


Message = (
    AppendEntries
    | AppendReply
    | RequestVote
    | Vote
    | PreVote
    | PreVoteGranted
    | HigherTerm
    | TimeoutNow
    | Rejoin
    | Forward
    | ForwardReply
    | ReadRequest
    | ReadReply
    | Confirm
    | Confirmed
)

# They promise something that must be on disk first: an acknowledgement, a vote, a candidacy, a term.
GATED: Final = (AppendReply, RequestVote, Vote, HigherTerm)

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Message)


def encode(message: Message) -> bytes:
    frame = _encoder.encode(message)
    assert len(frame) <= limits.control_frame_bytes_max, f"frame of {len(frame)} bytes"
    return frame


def decode(frame: bytes) -> Message:
    """Return the message of a frame. Raises ValueError when it is too long or not a message."""
    if len(frame) > limits.control_frame_bytes_max:
        raise ValueError(f"a Raft frame has at most {limits.control_frame_bytes_max} bytes, found {len(frame)}")
    message: Message = _decoder.decode(frame)
    return message
