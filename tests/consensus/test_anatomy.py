"""Plain names, injected clock and dice."""

from pysyncobj.node import Node

from mys3d.consensus import anatomy
from mys3d.consensus.anatomy import Anatomy, Peer, Private

A, B = "a" * 32, "b" * 32


def test_every_plain_name_stands_for_state_that_the_stock_engine_has(hand):
    world = hand.Hand()
    raft = world.start(A, initial=(A,)).raft
    names = [found._key for found in vars(Anatomy).values() if isinstance(found, Private)]
    assert len(names) > 15
    assert not [name for name in names if name not in vars(raft)]


def test_two_nodes_in_one_process_keep_their_own_time(hand):
    early, late = hand.Hand(), hand.Hand()
    late.time += 500
    first, second = early.start(A, initial=(A, B)).raft, late.start(A, initial=(A, B)).raft
    first.tick()
    second.tick()
    assert 1000 < first.election_deadline <= 1000 + anatomy.election_seconds_max
    assert 1500 < second.election_deadline <= 1500 + anatomy.election_seconds_max


def test_equal_dice_give_equal_timeouts(hand):
    found = [hand.Hand(seed=3).start(A, initial=(A, B)).raft.election_deadline for _ in range(2)]
    assert found[0] == found[1]
    assert hand.Hand(seed=4).start(A, initial=(A, B)).raft.election_deadline != found[0]


def test_the_engine_opens_no_file_and_starts_no_thread():
    settings = anatomy.configuration()
    assert (settings.journalFile, settings.fullDumpFile, settings.password) == (None, None, None)
    assert not settings.autoTick
    assert not settings.useFork


def test_a_peer_is_the_stock_node_of_its_id():
    assert Peer(A) == Node(A) == Peer(A) != Peer(B)
    assert isinstance(Peer(A), Node)
    assert (Peer(A).id, str(Peer(A)), {Node(A): 1}[Peer(A)], {Peer(A): 1}[Node(A)]) == (A, A, 1, 1)
