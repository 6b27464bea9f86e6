"""What a kind of load is made of.        Floor: bench. Called by: measure; the workloads themselves.

Law: what a workload needs is put in place before the clock starts; between two phases it may do more of that.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from mys3d.bench.body import BodyMode
from mys3d.bench.connection import Connection, Request
from mys3d.bench.target import Target

OBJECTS_BYTES_MAX: Final = 256 << 20  # prepared for one size; a large size has fewer objects
_OBJECTS_MIN: Final = 8


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked for, the same for every target."""

    size: int = 4096
    body: BodyMode = BodyMode.UNSIGNED
    objects: int = 1000
    part_bytes: int = 5 << 20
    slice_seconds: float = 3.0  # what is put in place for one slice is about as much as it takes

    @property
    def objects_count(self) -> int:
        """How many objects of this size are prepared."""
        return min(self.objects, max(_OBJECTS_MIN, OBJECTS_BYTES_MAX // max(self.size, 1)))


@dataclass(frozen=True, slots=True)
class Phase:
    """One stretch of load that is measured by itself."""

    name: str  # of the row in the report
    connections: list[Connection]
    counted: str | None = None  # the kind whose number and latency the row tells; None: all kinds together
    is_timed: bool = True  # False: it goes on until its sources are empty


class Workload(Protocol):
    """One kind of load on one target."""

    def prepare(self) -> None:
        """Put in place what lasts for the whole run. Raises Unavailable."""
        ...

    def phases(self, concurrency: int) -> Iterator[Phase]:
        """One slice. Each phase is run to its end before the next is asked for. Raises Unavailable."""
        ...


def spread(target: Target, concurrency: int, source: Callable[[str], Iterator[Request]]) -> list[Connection]:
    """Connections over the endpoints of a target in turn; those to one endpoint share its source."""
    sources = {endpoint: source(endpoint) for endpoint in target.endpoints[:concurrency]}
    names = list(sources)
    chosen = [names[number % len(names)] for number in range(concurrency)]
    return [Connection((name,), sources[name], target.tls) for name in chosen]
