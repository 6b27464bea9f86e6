"""Plain counters, passed by constructor to whoever counts.        Floor: ground. Called by: drivers, engine, web.

Law: counting never allocates, never locks and never fails; a meter is written by one thread only.
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """Named monotone counters of one node. Reading is a copy, so a reader never sees a half-written set."""

    values: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, count: int = 1) -> None:
        self.values[name] = self.values.get(name, 0) + count

    def snapshot(self) -> dict[str, int]:
        return dict(self.values)
