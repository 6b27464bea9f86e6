"""Measures one slice of a run.        Floor: bench. Called by: run, calibrate.

Law: what a phase did, how long it took and what it cost servers and generator belong to the same stretch of time.
"""

import gc
from typing import Final

import msgspec

from mys3d.bench.cpu import CpuMeter
from mys3d.bench.histogram import Histogram, histogram_of
from mys3d.bench.load import Bounds, Result, run
from mys3d.bench.workload import Phase, Workload
from mys3d.errors import Unavailable

_UNTIMED_SECONDS: Final = 600.0  # signatures are good for 15 minutes


class Slice(msgspec.Struct, frozen=True):
    """One phase of one slice."""

    seconds: float
    requests_count: int  # of what the row counts
    body_bytes: int
    checked_count: int
    unsent_count: int
    errors: dict[str, int]
    server_cpu_seconds: dict[str, float]
    client_cpu_seconds: float
    latencies: dict[str, Histogram] = {}  # by kind; the row's own under its name


def measure(
    workload: Workload, concurrency: int, pids: dict[str, int], seconds: float, rate: float | None = None
) -> dict[str, Slice]:
    """Run one slice of a workload; return what came of each phase. Raises Unavailable."""
    found: dict[str, Slice] = {}
    for phase in workload.phases(concurrency):
        gc.collect()
        gc.disable()  # a collection among millions of latencies takes as long as a hundred requests
        try:
            meter = CpuMeter(pids)
            result = run(phase.connections, Bounds(seconds if phase.is_timed else _UNTIMED_SECONDS), rate)
            found[phase.name] = _slice(phase, result, meter)
        except OSError as error:
            raise Unavailable(f"{phase.name}: the target went away: {error}") from error
        finally:
            gc.enable()
    return found


def _slice(phase: Phase, result: Result, meter: CpuMeter) -> Slice:
    client, servers = meter.own(), meter.spent()
    latencies = {kind: histogram_of(values) for kind, values in result.latencies.items()}
    if phase.counted is None:
        own = histogram_of(value for values in result.latencies.values() for value in values)
    else:
        own = latencies.pop(phase.counted, Histogram())
    kinds = {} if list(latencies) == [phase.name.rpartition(".")[2]] or len(latencies) == 1 else latencies
    return Slice(
        seconds=result.seconds,
        requests_count=own.count,
        body_bytes=result.body_bytes,
        checked_count=result.checked_count,
        unsent_count=result.unsent_count,
        errors=dict(result.errors),
        server_cpu_seconds=servers,
        client_cpu_seconds=client,
        latencies={phase.name: own} | kinds,
    )
