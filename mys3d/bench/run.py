"""A whole run: every operation, size and concurrency on every target in turn.        Floor: bench. Called by: cli.

Law: all targets get the same load within the same minutes; what was put in place is taken away at the end.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from mys3d.bench.body import BodyMode
from mys3d.bench.bootstrap import ratio_of_sums
from mys3d.bench.calibrate import ceilings, null_target
from mys3d.bench.catalogue import KINDS
from mys3d.bench.figures import Ceiling, Row, make_row
from mys3d.bench.measure import Slice, measure
from mys3d.bench.prepare import clean, make_bucket
from mys3d.bench.rounds import is_enough, is_worth_more, order_of, rounds_count
from mys3d.bench.sizes import size_text
from mys3d.bench.target import Target, probe
from mys3d.bench.workload import Load, Workload

AUTOTUNE_CONCURRENCY: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)


@dataclass(frozen=True, slots=True)
class Settings:
    """What is to be measured, and for how long."""

    operations: tuple[str, ...]
    sizes: tuple[int, ...] = ()  # none: each operation has its own
    concurrency: tuple[int, ...] = (1, 32)
    duration: float = 24.0  # of each combination on each target, seconds
    interleave: float = 3.0  # of one slice
    objects: int = 1000
    part_bytes: int = 5 << 20
    body: BodyMode = BodyMode.UNSIGNED
    rate: float | None = None
    autotune: bool = False
    autoterm: float | None = None  # a share: enough is known when all intervals are so narrow
    keeps_objects: bool = False

    def sizes_of(self, operation: str) -> tuple[int, ...]:
        own = KINDS[operation].sizes
        return self.sizes if self.sizes and own != (0,) else own

    def ladder(self) -> tuple[int, ...]:
        return AUTOTUNE_CONCURRENCY if self.autotune else self.concurrency


class Watch(Protocol):
    """Whoever follows a run."""

    def expects(self, slices_count: int) -> None:
        """So many slices are to come, at most."""
        ...

    def measures(self, what: str) -> None:
        """A slice begins."""
        ...

    def tells(self, sentence: str) -> None: ...


def run_all(targets: Sequence[Target], settings: Settings, watch: Watch) -> Iterator[Row]:
    """Measure; rows come as soon as they are known, those of one load together. Raises Unavailable."""
    for target in targets:
        probe(target)
        make_bucket(target)
    watch.expects(_slices_count(targets, settings))
    try:
        with null_target() as null:
            for operation in settings.operations:
                for size in settings.sizes_of(operation):
                    yield from _SizeRun(targets, null, settings, watch, operation, size).rows()
    finally:
        if not settings.keeps_objects:
            clean(targets, watch.tells)


def _slices_count(targets: Sequence[Target], settings: Settings) -> int:
    loads = sum(len(settings.sizes_of(operation)) for operation in settings.operations) * len(settings.ladder())
    return loads * len(targets) * rounds_count(settings.duration, settings.interleave, len(targets))


class _SizeRun:
    """One operation at one size, at all concurrencies."""

    def __init__(
        self, targets: Sequence[Target], null: Target, settings: Settings, watch: Watch, operation: str, size: int
    ) -> None:
        self._targets, self._settings, self._watch = targets, settings, watch
        self._operation, self._size = operation, size
        load = Load(size, settings.body, settings.objects, settings.part_bytes, settings.interleave)
        make = KINDS[operation].make
        self._workloads: Mapping[str, Workload] = {target.name: make(target, load) for target in targets}
        self._null = make(null, load)

    def rows(self) -> Iterator[Row]:
        for name, workload in self._workloads.items():
            self._watch.tells(f"{self._operation} {size_text(self._size)}: preparing {name}")
            workload.prepare()
        best: dict[str, float] = {}
        for concurrency in self._settings.ladder():
            rows = self._at(concurrency)
            yield from rows
            if self._settings.autotune and not self._is_worth_more(best, rows):
                return

    def _is_worth_more(self, best: dict[str, float], rows: list[Row]) -> bool:
        """True while some target still gains from more concurrency."""
        gains = []
        for row in rows:
            pace, name = ratio_of_sums(row.pace()).value, f"{row.target} {row.operation}"
            gains.append(is_worth_more(best.get(name), pace))
            best[name] = max(pace, best.get(name, 0.0))
        return any(gains)

    def _at(self, concurrency: int) -> list[Row]:
        """All rounds at one concurrency."""
        label = f"{self._operation} {size_text(self._size)} x {concurrency}"
        found = ceilings(self._null, concurrency)
        for name, ceiling in found.items():
            self._watch.tells(
                f"{name} {size_text(self._size)} x {concurrency}: the generator alone does "
                f"{ceiling.ops_per_second:,.0f} a second, {ceiling.client_us_per_request:.0f} us of its CPU each"
            )
        slices: dict[tuple[str, str], list[Slice]] = {}
        settings = self._settings
        for number in range(rounds_count(settings.duration, settings.interleave, len(self._targets))):
            for target in order_of(self._targets, number):
                self._watch.measures(f"{label} · {target.name}")
                workload = self._workloads[target.name]
                measured = measure(workload, concurrency, target.pids, settings.interleave, settings.rate)
                for name, slice_ in measured.items():
                    slices.setdefault((name, target.name), []).append(slice_)
            if settings.autoterm is not None and self._is_enough(slices, settings.autoterm, number + 1):
                break
        return self._rows(slices, found, concurrency)

    def _is_enough(self, slices: Mapping[tuple[str, str], list[Slice]], share: float, rounds: int) -> bool:
        paces = [[(slice_.requests_count, slice_.seconds) for slice_ in found] for found in slices.values()]
        return is_enough([ratio_of_sums(pace) for pace in paces], share, rounds)

    def _rows(
        self, slices: Mapping[tuple[str, str], list[Slice]], found: Mapping[str, Ceiling], concurrency: int
    ) -> list[Row]:
        names = list(dict.fromkeys(name for name, _ in slices))
        return [
            make_row(
                slices[name, target.name],
                operation=name,
                size_bytes=self._size,
                concurrency=concurrency,
                body=str(self._settings.body),
                rate=self._settings.rate,
                target=target.name,
                ceiling=found.get(name),
            )
            for name in names
            for target in self._targets
        ]
