"""What may leave before the journal is synced, and what may not."""

import pytest
from pysyncobj.node import Node

from mys3d.consensus import messages
from mys3d.consensus.messages import AppendReply, Confirm, HigherTerm, RequestVote, TimeoutNow, Vote
from mys3d.consensus.transport import RaftTransport

A, B, C = (letter * 32 for letter in "abc")


class Wire:
    def __init__(self):
        self.sent, self.is_open = [], True

    def send(self, node, frame):
        if self.is_open:
            self.sent.append((node, messages.decode(frame)))
        return self.is_open

    def connected(self, node):
        return self.is_open


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def transport(wire):
    found = RaftTransport(A, wire)
    found.addNode(Node(B))
    return found


@pytest.mark.parametrize("message", [AppendReply(1, 2, None), Vote(1), RequestVote(1, 1, 0), HigherTerm(2)])
def test_a_promise_waits_for_the_sync(transport, wire, message):
    transport.send(Node(B), message)
    transport.flush_now()
    assert wire.sent == []
    transport.flush_gated()
    assert wire.sent == [(B, message)]


def test_what_promises_nothing_leaves_before_the_sync(transport, wire):
    transport.send(Node(B), Confirm(1, 1))
    transport.flush_now()
    assert wire.sent == [(B, Confirm(1, 1))]


def test_who_is_neither_voter_nor_member_is_not_spoken_to(transport, wire):
    assert not transport.send(Node(C), Vote(1))
    transport.members = frozenset({C})
    assert transport.send(Node(C), Vote(1))
    transport.dropNode(Node(B))
    assert not transport.knows(B)


def test_the_words_of_the_stock_code_become_ours(transport, wire):
    transport.send(Node(B), {"type": "request_vote", "term": 3, "last_log_index": 9, "last_log_term": 2})
    transport.send(Node(B), {"type": "response_vote", "term": 3})
    transport.send(Node(B), {"type": "timeout_now", "term": 3})
    transport.flush_now()
    transport.flush_gated()
    assert wire.sent == [(B, TimeoutNow(3)), (B, RequestVote(3, 9, 2)), (B, Vote(3))]


def test_a_word_that_a_handler_of_ours_should_have_replaced_is_a_broken_promise(transport):
    with pytest.raises(AssertionError, match="append_entries"):
        transport.send(Node(B), {"type": "append_entries", "term": 3})


def test_a_frame_that_the_wire_refuses_is_counted_and_gone(transport, wire):
    wire.is_open = False
    transport.send(Node(B), Confirm(1, 1))
    transport.flush_now()
    wire.is_open = True
    transport.flush_now()
    assert (wire.sent, transport.frames_refused) == ([], 1)
