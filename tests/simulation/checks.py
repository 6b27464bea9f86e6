"""What must be true at the end of a run.        Floor: tests. Called by: run.

Law: a checker works from what clients were told and from what nodes hold; it knows nothing of how they got there.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class History:
    """What the clients did and were told. Bodies are unique, so a body names the PUT that wrote it."""

    invoked: dict[str, list[bytes]] = field(default_factory=dict)  # per key: every body ever sent, in order
    acknowledged: dict[str, list[tuple[float, float, bytes]]] = field(default_factory=dict)  # invoked, answered, body
    reads: list[tuple[float, float, str, bytes | None]] = field(default_factory=list)  # None: no such key
    refused: set[bytes] = field(default_factory=set)  # answered "nothing happened": must never be seen
    doubtful_count: int = 0  # no answer, or "it may have happened"

    def put_began(self, key: str, body: bytes) -> None:
        self.invoked.setdefault(key, []).append(body)

    def put_done(self, began: float, done: float, key: str, body: bytes) -> None:
        self.acknowledged.setdefault(key, []).append((began, done, body))

    @property
    def acknowledged_count(self) -> int:
        return sum(map(len, self.acknowledged.values()))


def possible_bodies(history: History, key: str) -> set[bytes]:
    """What `key` may hold at the end: acknowledged bodies that no later one surely replaced, or bodies in doubt.

    A PUT surely replaced another when it was invoked after the other was answered.
    """
    done = history.acknowledged.get(key, [])
    answered = {body for _, _, body in done} | history.refused
    last_begin = max((began for began, _, _ in done), default=0.0)
    doubtful = {body for body in history.invoked.get(key, []) if body not in answered}
    return doubtful | {body for _, answered_at, body in done if answered_at >= last_begin}


def lost_puts(history: History, held: dict[str, bytes | None]) -> list[str]:
    """Keys whose content at the end is not one that the history allows."""
    problems = []
    for key in sorted(history.invoked):
        found = held.get(key)
        if found is None and key not in history.acknowledged:
            continue  # nothing was promised
        if found not in possible_bodies(history, key):
            problems.append(
                f"{key}: holds {_short(found)}, after {len(history.acknowledged.get(key, []))} acknowledged puts"
            )
    return problems


def wrong_reads(history: History) -> list[str]:
    """Reads during the run that returned a body nobody sent, one from the future, or one surely replaced before."""
    problems = []
    for began, done, key, body in history.reads:
        puts = history.acknowledged.get(key, [])
        before = [put for put in puts if put[1] < began]
        newest_begin = max((put[0] for put in before), default=None)
        if body is None:
            if before:
                problems.append(f"{key}: read nothing at {began:.3f} after an acknowledged put")
            continue
        if body not in history.invoked.get(key, []) or body in history.refused:
            problems.append(f"{key}: read {_short(body)}, which nobody put or which was refused")
        mine = next((put for put in puts if put[2] == body), None)
        if mine is not None and (mine[0] > done or (newest_begin is not None and mine[1] < newest_begin)):
            problems.append(f"{key}: read {_short(body)} at {began:.3f}, which was replaced or not yet put")
    return problems


def different_registries(seen: Iterable[tuple[str, int, int]]) -> list[str]:
    """`seen` holds (node, applied index, fingerprint of the rows): equal indexes must have equal fingerprints."""
    first: dict[int, tuple[str, int]] = {}
    problems = []
    for node, index, fingerprint in seen:
        other = first.setdefault(index, (node, fingerprint))
        if other[1] != fingerprint:
            problems.append(f"{node} and {other[0]} differ at applied index {index}")
    return problems


def _short(body: bytes | None) -> str:
    return "nothing" if body is None else repr(body[:24])
