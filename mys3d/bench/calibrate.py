"""What the generator can do at most, found out with a server that does nothing.        Floor: bench. Called by: run.

Law: the null server is a process of its own and gets the same requests as the targets; a result above 60 % of what the
generator reached there says more of the generator than of the target.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from mys3d.bench.figures import Ceiling
from mys3d.bench.measure import Slice, measure
from mys3d.bench.sign import Keys
from mys3d.bench.target import Target
from mys3d.bench.workload import Workload
from mys3d.errors import Unavailable

SECONDS: Final = 1.0
_END_SECONDS: Final = 5.0


@contextmanager
def null_target() -> Iterator[Target]:
    """A running null server. Raises Unavailable when it does not start."""
    words = [sys.executable, "-m", "mys3d.bench.null_server"]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    try:
        port = process.stdout.readline().strip().decode()
        if not port.isdigit():
            raise Unavailable("the null server did not start")
        yield Target("null", (f"127.0.0.1:{port}",), Keys("null", "null"), "bench", {})
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(_END_SECONDS)


def ceilings(workload: Workload, concurrency: int, seconds: float = SECONDS) -> dict[str, Ceiling]:
    """Put a workload on the null server for a second; return what came of each phase."""
    found = measure(workload, concurrency, {}, seconds)
    return {name: ceiling_of(slice_) for name, slice_ in found.items()}


def ceiling_of(slice_: Slice) -> Ceiling:
    count = max(slice_.requests_count, 1)
    return Ceiling(slice_.requests_count / slice_.seconds, slice_.client_cpu_seconds / count * 1e6)
