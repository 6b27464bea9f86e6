"""Free ports of loopback, none of them given twice by one process, and none to two workers of one run."""

import os
import random
import socket
from typing import Final

FIRST: Final = 20_000
STOP: Final = 32_000  # below what Linux gives to outgoing connections (ip_local_port_range)
STEP: Final = 10  # `mys3d dev` numbers its nodes in tens

_next: list[int] = []  # where the search goes on


def own_range() -> tuple[int, int]:
    """The ports of this worker of pytest-xdist; all of them without workers."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    size = (STOP - FIRST) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) // STEP * STEP
    return FIRST + number * size, FIRST + (number + 1) * size


def free_port_run(nodes: int = 3) -> int:
    """A port P such that P + 10 (k - 1) + {0, 1, 2} are free for every node k."""
    start, stop = own_range()
    while True:
        first = _next.pop() if _next else random.SystemRandom().randrange(start, stop, STEP)
        if first + STEP * nodes > stop:
            first = start
        _next.append(first + STEP * nodes)
        if all(is_free(first + STEP * k + offset) for k in range(nodes) for offset in range(3)):
            return first


def is_free(port: int) -> bool:
    try:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
