"""Is there one order of a key's operations that explains every answer?        Floor: tests. Called by: run, campaigns.

Law: the order respects real time (what was answered before another was asked comes first), and each operation takes
effect once, at one moment between its call and its answer; an operation without answer did so at any moment, or never.

Values are unique, so whoever reads one knows who wrote it, and a value is not left while a read of it is to come. Reads
are placed as soon as they can be: that never hurts. Writes without answer whose value nobody names are alike, and only
counted; answered ones hide just before another write, unless conditions look at the key. Source: Wing & Gong 1993,
Lowe 2017; the zone check of Gibbons & Korach 1997 is faster but knows neither deletes nor conditions: it is the oracle
in the tests.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf
from typing import Literal

UNSEEN = "a value that nobody read"
CONFIGURATIONS_MAX = 50_000

Kind = Literal["put", "get", "delete", "create", "replace"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation on one key. Not recorded: a get without answer, a write that surely did nothing."""

    kind: Kind
    value: str | None  # what it wrote, or what a get saw; None: nothing
    called: float
    returned: float = inf  # inf: it is not known whether it took effect
    expected: str | None = None  # of a replace: the value that must be there
    is_refused: bool = False  # a create or replace whose condition did not hold

    @property
    def is_read(self) -> bool:
        return self.kind == "get" or self.is_refused

    def allows(self, state: str | None) -> bool:
        """Whether it can have got its answer in this state."""
        if self.kind == "get":
            return state == self.value
        if self.kind == "create":
            return (state is None) != self.is_refused
        if self.kind == "replace":
            return (state == self.expected) != self.is_refused
        return True

    def __str__(self) -> str:
        answer = "no answer" if self.returned == inf else f"{self.returned:.3f}"
        what = f"{self.kind} refused" if self.is_refused else self.kind
        return f"{what} {self.value or 'nothing'} [{self.called:.3f}, {answer}]"


@dataclass(frozen=True, slots=True)
class _Configuration:
    """One way things may stand: the value, the pending operations that took effect, unanswered ones by class."""

    state: str | None
    done: frozenset[int]
    used: tuple[int, ...]


def explain(operations: Iterable[Operation]) -> str | None:
    """Say why no order explains the answers; None: one does. The key is absent at first."""
    history = list(operations)
    orphan = _orphan(history)
    return orphan if orphan is not None else _Search(history).run()


def _orphan(history: list[Operation]) -> str | None:
    """A value that was read but never written, or written twice (which this check cannot judge)."""
    written = [operation.value for operation in history if operation.kind in ("put", "create", "replace")]
    assert len(written) == len(set(written)), "values are not unique"
    for operation in history:
        if operation.kind == "get" and operation.value is not None and operation.value not in set(written):
            return f"nobody wrote what was read: {operation}"
    return None


class _Search:
    """Walks through calls and answers in time and keeps every configuration that is still possible."""

    def __init__(self, history: list[Operation]) -> None:
        named = {operation.value for operation in history if operation.kind == "get"}
        named |= {operation.expected for operation in history if operation.kind == "replace"}
        self._known: list[Operation] = []
        self._unanswered: list[Operation] = []  # those that nobody names, so that any of a class is as good as another
        for operation in history:
            is_alike = operation.returned == inf and (operation.kind == "delete" or operation.value not in named)
            (self._unanswered if is_alike else self._known).append(operation)
        self._classes = sorted({(operation.kind, operation.expected or "") for operation in self._unanswered})
        self._available = [0] * len(self._classes)
        self._pending: set[int] = set()
        self._owed: dict[str, set[int]] = {}  # value -> operations that need it and were not answered yet
        for number, operation in enumerate(self._known):
            if (needed := _needed(operation)) is not None:
                self._owed.setdefault(needed, set()).add(number)
        has_conditions = any(operation.kind in ("create", "replace") for operation in history)
        self._unread = {
            number
            for number, operation in enumerate(self._known)
            if not has_conditions and operation.kind == "put" and operation.value not in named
        }

    def run(self) -> str | None:
        possible = {_Configuration(None, frozenset(), (0,) * len(self._classes))}
        for _, is_return, number in sorted(self._events()):
            if number < 0:
                self._available[self._class_of(self._unanswered[-number - 1])] += 1
                continue
            if not is_return:
                self._pending.add(number)
                continue
            after = set()
            for configuration in possible:
                after |= self._after_answer(configuration, number)
            self._pending.discard(number)
            self._owed.get(_needed(self._known[number]) or "", set()).discard(number)
            if not after:
                states = sorted({configuration.state or "nothing" for configuration in possible})
                return f"{self._known[number]} has no place; before it the key could hold {', '.join(states[:4])}"
            possible = _cheapest(after)
            assert len(possible) <= CONFIGURATIONS_MAX, f"too many overlapping operations near {self._known[number]}"
        return None

    def _events(self) -> Iterator[tuple[float, bool, int]]:
        """(time, whether it is an answer, which operation); unanswered ones have negative numbers."""
        first_seen: dict[str | None, float] = {}
        for operation in self._known:
            seen = _needed(operation)
            first_seen[seen] = min(first_seen.get(seen, inf), operation.returned)
        for number, operation in enumerate(self._known):
            yield operation.called, False, number
            is_write = not operation.is_read and operation.kind != "delete"
            returned = min(operation.returned, first_seen.get(operation.value, inf)) if is_write else operation.returned
            if returned < inf:
                yield max(returned, operation.called), True, number
        for number, operation in enumerate(self._unanswered):
            yield operation.called, False, -number - 1

    def _class_of(self, operation: Operation) -> int:
        return self._classes.index((operation.kind, operation.expected or ""))

    def _after_answer(self, start: _Configuration, number: int) -> set[_Configuration]:
        """Every configuration in which the operation has taken effect, by itself or after other pending ones."""
        found: set[_Configuration] = set()
        seen = {start}
        waiting = [start]
        while waiting:
            configuration = waiting.pop()
            if number in configuration.done:
                found.add(_Configuration(configuration.state, configuration.done - {number}, configuration.used))
                continue
            for after in self._steps(configuration, number):
                if after not in seen:
                    seen.add(after)
                    waiting.append(after)
        return found

    def _steps(self, now: _Configuration, target: int) -> Iterator[_Configuration]:
        """One operation more takes effect."""
        left = self._pending - now.done
        for number in left:
            if self._known[number].is_read and self._known[number].allows(now.state):
                yield _Configuration(now.state, now.done | {number}, now.used)
                return
        owed = self._owed.get(now.state or "", set()) - now.done
        hidden = left & self._unread
        for number in left - hidden | {target}:
            operation = self._known[number]
            if not operation.is_read and operation.allows(now.state) and not owed - {number}:
                yield _Configuration(operation.value, now.done | hidden | {number}, now.used)
        if not owed:
            yield from self._unanswered_steps(now, hidden)

    def _unanswered_steps(self, now: _Configuration, hidden: set[int]) -> Iterator[_Configuration]:
        for index, (kind, expected) in enumerate(self._classes):
            state = None if kind == "delete" else UNSEEN
            is_allowed = now.state is None if kind == "create" else kind != "replace" or now.state == expected
            if now.used[index] < self._available[index] and is_allowed and state != now.state:
                used = (*now.used[:index], now.used[index] + 1, *now.used[index + 1 :])
                yield _Configuration(state, now.done | hidden, used)


def _needed(operation: Operation) -> str | None:
    """The value that must be there for the answer it got; None: no particular one."""
    if operation.kind == "replace" and not operation.is_refused:
        return operation.expected
    return operation.value if operation.kind == "get" else None


def _cheapest(possible: set[_Configuration]) -> set[_Configuration]:
    """Without those that used more unanswered operations than another that stands the same."""
    groups: dict[tuple[str | None, frozenset[int]], list[_Configuration]] = {}
    for configuration in possible:
        groups.setdefault((configuration.state, configuration.done), []).append(configuration)
    kept = set()
    for group in groups.values():
        for one in group:
            if not any(other != one and _is_at_most(other.used, one.used) for other in group):
                kept.add(one)
    return kept


def _is_at_most(left: tuple[int, ...], right: tuple[int, ...]) -> bool:
    return all(a <= b for a, b in zip(left, right, strict=True))
