"""From a command to its outcome.        Floor: driver. Called by: consensus, applier (`settled`), ticker (`pump`).

Law: an outcome is learned only from *local* apply; replies of the leader are hints. While in doubt the identical
bytes are proposed again: their operation id makes apply answer the second copy with the first one's outcome. When the
deadline passes, or whoever asked is gone, a cancellation is proposed: behind it the outcome is known for sure.
Unavailable means that no copy is, or can come to be, in the log; otherwise the deadline raises OutcomeUnknown."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import trio

from mys3d import limits
from mys3d.consensus import membership
from mys3d.consensus.raft import Answer, Raft
from mys3d.errors import OutcomeUnknown, Reason, Rejected, Unavailable
from mys3d.model.names import LogIndex, OperationId
from mys3d.ports import Clock, Entropy
from mys3d.registry.commands import CancelOperation, Command, Proposal
from mys3d.registry.outcomes import Applied, Outcome

FORMAT: Final = 1
OPERATION_ID_BYTES: Final = 16
retry_seconds: Final = 0.05  # after a refusal, unless the leader changes first
resend_seconds: Final = 1.0  # a forwarded command without outcome is sent again: its frame may have been lost
_hopeless: Final = {
    Answer.QUEUE_FULL: "the queue of proposals is full",
    Answer.CLOCK_SKEW: f"this node's clock differs from the leader's by more than {limits.clock_skew_max_ms} ms",
    Answer.DENIED: "the leader denied the command",
    Answer.NO_LEADER: "no majority of the voters is within reach",
}


@dataclass(eq=False, slots=True)
class _Slot:
    """One proposal under way. `open_count`: copies that were handed to a leader and not refused by it."""

    command: bytes
    operation: OperationId
    expires_at: LogIndex
    due: float  # when to submit (again)
    done: trio.Event = field(default_factory=trio.Event)
    open_count: int = 0
    is_given_up: bool = False
    is_cancellation: bool = False
    is_lost: bool = False  # it may have been decided, and its outcome forgotten: nobody can tell any more
    outcome: Outcome | None = None
    refusal: Answer | None = None

    @property
    def is_in_doubt(self) -> bool:
        return self.outcome is None and self.refusal is None and self.open_count > 0 and not self.is_lost


class Proposer:
    """Proposals of this node, until their outcome is applied here."""

    def __init__(
        self,
        raft: Raft,
        clock: Clock,
        entropy: Entropy,
        encode: Callable[[Proposal], bytes],
        wake: Callable[[], None],
        is_hopeless: Callable[[], bool],
        outcome_of: Callable[[OperationId], Outcome | None],
    ) -> None:
        """`is_hopeless`: no leader can be within reach, so that a command nobody took may be refused at once.

        `outcome_of`: what the applied rows say became of an operation.
        """
        self._raft = raft
        self._clock = clock
        self._entropy = entropy
        self._encode = encode
        self._wake = wake
        self._is_hopeless = is_hopeless
        self._outcome_of = outcome_of
        self._is_closed = False
        self._slots: dict[bytes, _Slot] = {}
        self._slots_bytes = 0
        self._led_by: tuple[int, str | None] = (0, None)
        self._next_look = 0.0

    async def propose(self, command: Command) -> Applied:
        operation = OperationId(self._entropy.token(OPERATION_ID_BYTES))
        expires_at = LogIndex(self._raft.last_applied + limits.operation_lifetime_entries)
        payload = self._encode(Proposal(FORMAT, operation, expires_at, self._clock.now(), command))
        if len(payload) > limits.command_bytes_max:
            detail = f"a command has at most {limits.command_bytes_max} bytes, found {len(payload)}"
            raise Rejected(Reason.TOO_LARGE, detail)
        is_heavy = self._slots_bytes + len(payload) > limits.proposals_bytes_max
        if is_heavy or len(self._slots) >= limits.peer_queue_frames_max:
            raise Unavailable("too many proposals are under way on this node")
        slot = _Slot(bytes((membership.REGULAR,)) + payload, operation, expires_at, self._clock.monotonic())
        self._slots[slot.command] = slot
        self._slots_bytes += len(payload)
        try:
            await self._wait(slot, limits.propose_deadline_seconds)
        finally:
            try:
                if slot.is_in_doubt:
                    with trio.CancelScope(shield=True):  # whoever asked may be gone: it is settled all the same
                        await self._give_up(slot, operation)
            finally:
                del self._slots[slot.command]
            self._slots_bytes -= len(payload)
        return _conclude(slot, operation)

    async def _wait(self, slot: _Slot, seconds: float) -> None:
        self._submit(slot)
        with trio.move_on_after(seconds):
            await slot.done.wait()

    async def _give_up(self, slot: _Slot, operation: OperationId) -> None:
        """Have the log say whether the proposal came before its cancellation. Without a majority it stays in doubt."""
        if self._is_closed:
            return
        slot.is_given_up = True
        token = OperationId(self._entropy.token(OPERATION_ID_BYTES))
        expires_at = LogIndex(self._raft.last_applied + limits.operation_lifetime_entries)
        payload = self._encode(Proposal(FORMAT, token, expires_at, self._clock.now(), CancelOperation(operation)))
        command = bytes((membership.REGULAR,)) + payload
        cancellation = _Slot(command, token, expires_at, self._clock.monotonic(), is_cancellation=True)
        self._slots[cancellation.command] = cancellation
        try:
            await self._wait(cancellation, limits.cancel_deadline_seconds)
        finally:
            del self._slots[cancellation.command]
        if slot.outcome is None and isinstance(cancellation.outcome, Applied):
            slot.outcome = self._outcome_of(operation)

    @property
    def is_idle(self) -> bool:
        return not self._slots

    def close(self) -> None:
        """Nothing is applied here any more: no cancellation is waited for."""
        self._is_closed = True
        for slot in self._slots.values():
            if slot.is_cancellation:
                slot.done.set()

    def settled(self, command: bytes, outcome: Outcome) -> None:
        """An entry was applied here and its rows are written."""
        slot = self._slots.get(command) if self._slots else None
        if slot is not None and slot.outcome is None:
            slot.outcome = outcome
            slot.done.set()

    def replaced(self, index: LogIndex) -> None:
        """A snapshot of `index` took the place of the rows: entries were applied that nobody here heard of.

        Outcome rows tell what became of proposals under way; the others are proposed again at once. A proposal that
        could have expired by `index` may have been decided and forgotten: its outcome is not known any more.
        """
        for slot in self._slots.values():
            if slot.done.is_set():
                continue
            slot.outcome = self._outcome_of(slot.operation)
            slot.is_lost = slot.outcome is None and slot.expires_at <= index
            if slot.outcome is not None or slot.is_lost:
                slot.done.set()
            else:
                slot.due = self._clock.monotonic()
        self._next_look = 0.0

    def pump(self) -> None:
        """After each tick: propose again what a change of leader, or a lost frame, put in doubt."""
        raft, now = self._raft, self._clock.monotonic()
        is_new_leader = raft.leader is not None and self._led_by != (raft.term, raft.leader.id)
        if is_new_leader and raft.leader is not None:
            self._led_by = (raft.term, raft.leader.id)
        if not self._slots or (not is_new_leader and now < self._next_look):
            return
        self._next_look = now + retry_seconds
        for slot in list(self._slots.values()):
            if not slot.done.is_set() and not slot.is_given_up and (is_new_leader or now >= slot.due):
                self._submit(slot)

    def _submit(self, slot: _Slot) -> None:
        slot.due = self._clock.monotonic() + resend_seconds
        slot.open_count += 1
        self._raft.submit(slot.command, lambda answer: self._hear(slot, answer))
        self._wake()

    def _hear(self, slot: _Slot, answer: Answer) -> None:
        if slot.done.is_set() or slot.is_given_up:
            return
        if answer is Answer.APPENDED:
            slot.due = math.inf  # only a change of leader can lose it now
            return
        slot.due = self._clock.monotonic() + retry_seconds
        if answer is Answer.LOST:
            return
        slot.open_count -= 1
        if slot.open_count == 0 and answer in _hopeless and (answer is not Answer.NO_LEADER or self._is_hopeless()):
            slot.refusal = answer
            slot.done.set()


def _conclude(slot: _Slot, operation: OperationId) -> Applied:
    outcome = slot.outcome
    if isinstance(outcome, Applied):
        return outcome
    if isinstance(outcome, Rejected):
        if outcome.reason is Reason.EXPIRED:
            raise Unavailable("the command expired, or was given up, before it reached the log")
        raise outcome
    if slot.refusal is not None:
        raise Unavailable(_hopeless[slot.refusal])
    if slot.open_count == 0:
        raise Unavailable("no leader took the command before its deadline")
    raise OutcomeUnknown(operation)
