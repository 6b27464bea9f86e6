"""What clients asked and were told.        Floor: tests. Called by: workload, world.

Law: bodies are unique, so a body names the PUT that wrote it; an answer that never came may come at any time. Bodies
are kept as labels: what nobody sent has a label that nobody wrote.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import md5

from tests.simulation.linear import Operation, explain


@dataclass(slots=True)
class Asked:
    """One request about one key. `value` is the label that was written or seen, None for no object."""

    kind: str  # put, delete, get; create and replace: a PUT that must find nothing, or `expected`
    key: str
    value: str | None
    began: float
    ended: float = math.inf  # inf: no answer yet, or none that decides
    expected: str | None = None
    verdict: str = "unknown"  # done, refused (surely not done), failed (its condition did not hold)


@dataclass(slots=True)
class History:
    asked: list[Asked] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)  # entity tag -> label of the body
    sizes: dict[str, int] = field(default_factory=dict)  # label -> bytes
    lists_count: int = 0

    def name(self, body: bytes, label: str) -> str:
        """Remember a body that is about to be sent; return its entity tag."""
        etag = self.name_of(body)
        self.labels[etag] = label
        self.sizes[label] = len(body)
        return etag

    def name_of(self, body: bytes) -> str:
        return md5(body).hexdigest()

    def label_of(self, etag: str) -> str:
        return self.labels.get(etag, f"a body nobody sent ({etag})")

    def begin(self, kind: str, key: str, value: str | None, now: float, expected: str | None = None) -> Asked:
        asked = Asked(kind, key, value, now, expected=expected)
        self.asked.append(asked)
        return asked

    def saw(self, key: str, value: str | None, began: float, ended: float) -> None:
        self.asked.append(Asked("get", key, value, began, ended, verdict="done"))

    def counts(self) -> dict[str, int]:
        writes = [asked for asked in self.asked if asked.kind != "get"]
        return {
            "writes": sum(asked.verdict == "done" for asked in writes),
            "reads": len(self.asked) - len(writes),
            "lists": self.lists_count,
            "in doubt": sum(asked.verdict == "unknown" for asked in writes),
            "refused": sum(asked.verdict in ("refused", "failed") for asked in writes),
        }


def wrong_answers(history: History, keys: Sequence[str]) -> list[str]:
    """A sentence for every key whose answers fit no order of its requests."""
    by_key: dict[str, list[Operation]] = {key: [] for key in keys}
    for asked in history.asked:
        if asked.verdict != "refused":
            by_key[asked.key].append(_operation(asked))
    found = []
    for key, operations in by_key.items():
        why = explain(operations)
        if why is not None:
            found.append(f"{key}: {why}")
    return found


def _operation(asked: Asked) -> Operation:
    is_refused = asked.verdict == "failed"
    return Operation(asked.kind, asked.value, asked.began, asked.ended, asked.expected, is_refused)
