"""Plain names for PySyncObj's private state.        Floor: driver. Called by: append, election, raft.

Law: every private attribute of SyncObj that this room touches is declared here once, with its type; `proof.py` pins the
source that gives them meaning. Time and chance reach the engine through the instance, never through the module.
"""

from collections.abc import Callable
from random import Random
from typing import Final, Generic, TypeVar

import pysyncobj.syncobj
from pysyncobj import SyncObj, SyncObjConf
from pysyncobj.node import Node

from mys3d.consensus.journal import Journal
from mys3d.consensus.transport import RaftTransport

T = TypeVar("T")

FOLLOWER: Final = 0
CANDIDATE: Final = 1
LEADER: Final = 2

append_entries_seconds: Final = 0.19  # heartbeat: one in each quiet beat; a commit or a new entry is sent at once
election_seconds_min: Final = 1.0
election_seconds_max: Final = 2.0
fallback_seconds: Final = 2.0  # a leader that heard no majority for this long steps down
batch_bytes: Final = 256 * 1024  # payload of one append-entries frame; a frame holds at most this plus one command
queue_commands_max: Final = 20_000
NEVER: Final = 1 << 60


class _Seam:
    """The clock of the instance that is being called. Set at each entry into stock code; the loop is one thread."""

    monotonic: Callable[[], float]


_seam: Final = _Seam()


def _monotonic() -> float:
    return _seam.monotonic()


pysyncobj.syncobj.monotonicTime = _monotonic


class Private(Generic[T]):
    """One private attribute of SyncObj. None until SyncObj's constructor has set it."""

    def __init__(self, name: str) -> None:
        self._key = "_SyncObj__" + name

    def __get__(self, instance: object, owner: type | None = None) -> T:
        value: T = instance.__dict__.get(self._key) if instance is not None else self  # type: ignore[assignment] # SyncObj's constructor reads every attribute of the class
        return value

    def __set__(self, instance: object, value: T) -> None:
        instance.__dict__[self._key] = value


def configuration() -> SyncObjConf:
    """Everything that PySyncObj would do with files, forks, threads and pickles is off."""
    return SyncObjConf(
        autoTick=False,
        appendEntriesUseBatch=True,
        commandsWaitLeader=False,
        dynamicMembershipChange=True,
        appendEntriesPeriod=append_entries_seconds,
        raftMinTimeout=election_seconds_min,
        raftMaxTimeout=election_seconds_max,
        leaderFallbackTimeout=fallback_seconds,
        connectionTimeout=2 * election_seconds_max,
        appendEntriesBatchSizeBytes=batch_bytes,
        commandsQueueSize=queue_commands_max,
        journalFile=None,
        fullDumpFile=None,
        useFork=False,
        password=None,
        logCompactionMinEntries=NEVER,
        logCompactionMinTime=NEVER,
    )


class Peer(str, Node):  # type: ignore[misc] # PySyncObj ships no types
    """A node as stock code wants it, hashed and compared as the string that it is: stock nodes do so by their ids,
    with five calls for each lookup in a dictionary."""

    def __init__(self, name: str) -> None:
        self._id = name


class _NullPoller:
    def poll(self, timeout: float) -> None:
        pass


class Anatomy(SyncObj):  # type: ignore[misc] # PySyncObj ships no types
    """SyncObj with its private state under plain names, its clock and its dice injected."""

    log: Private[Journal] = Private("raftLog")
    term: Private[int] = Private("raftCurrentTerm")
    voted_for: Private[str | None] = Private("votedForNodeId")
    commit_index: Private[int] = Private("raftCommitIndex")
    last_applied: Private[int] = Private("raftLastApplied")
    state: Private[int] = Private("raftState")
    leader: Private[Node | None] = Private("raftLeader")
    leader_commit: Private[int | None] = Private("leaderCommitIndex")
    self_node: Private[Node | None] = Private("selfNode")
    voters: Private[set[Node]] = Private("otherNodes")  # without this node
    learners: Private[set[Node]] = Private("readonlyNodes")
    connected: Private[set[Node]] = Private("connectedNodes")
    next_index: Private[dict[Node, int]] = Private("raftNextIndex")
    match_index: Private[dict[Node, int]] = Private("raftMatchIndex")
    last_response: Private[dict[Node, float]] = Private("lastResponseTime")
    election_deadline: Private[float] = Private("raftElectionDeadline")
    next_heartbeat: Private[float] = Private("newAppendEntriesTime")
    transfer_pending: Private[bool] = Private("transferInProgress")
    noop_index: Private[int | None] = Private("noopIDx")

    request_counter: Private[int] = Private("commandsLocalCounter")

    def __init__(
        self, node: str, journal: Journal, transport: RaftTransport, monotonic: Callable[[], float], dice: Random
    ) -> None:
        self.node_id = node
        self.transport = transport
        self._now = monotonic
        self._dice = dice
        self.enter()
        super().__init__(Peer(node), [], configuration(), nodeClass=Peer, transport=transport)
        self._poller = _NullPoller()
        self.log = journal
        self.term = max(journal.term, journal[-1][2])
        self.voted_for = journal.vote if journal.term >= journal[-1][2] else None
        self.request_counter = dice.getrandbits(48)  # a reply to an earlier incarnation of this node matches nothing

    def enter(self) -> None:
        """Lend this instance's clock to the stock code. Called at every entrance: tick, receive, construct."""
        _seam.monotonic = self._now

    def is_leader(self) -> bool:
        return self.state == LEADER

    def term_at(self, index: int) -> int:
        """The term of an entry that the log holds."""
        log = self.log
        return log[index - log[0][1]][2]

    def set_term(self, term: int, vote: str | None) -> None:
        self._SyncObj__setCurrentTerm(term, vote)

    def become_follower(self) -> None:
        self._SyncObj__setState(FOLLOWER)

    def election_timeout(self) -> float:
        """A random number of seconds until this node would ask for votes."""
        return election_seconds_min + (election_seconds_max - election_seconds_min) * self._dice.random()

    def _SyncObj__generateRaftTimeout(self) -> float:  # noqa: N802 # stock name
        return self.election_timeout()
