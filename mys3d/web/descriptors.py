"""How many connections this process may have.        Floor: web. Called by: serve.

Law: file descriptors run out for connections first, never for volumes, registry or peers.
Source: getrlimit(2): a process may raise its soft limit of open files, often 1,024, up to the hard one.
"""

import resource
from typing import Final

import structlog

from mys3d import limits

log = structlog.get_logger("mys3d.web")

_WANTED: Final = limits.connections_max + limits.descriptors_reserve


def connections() -> int:
    """Raise the limit of open files to what is needed, and return how many connections then have a place."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = raised(soft, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    count = share(wanted)
    if count < limits.connections_max:
        log.warning("the limit of open files leaves room for few connections", open_files=wanted, connections=count)
    return count


def raised(soft: int, hard: int) -> int:
    """The soft limit as we need it; never lower than it was."""
    if soft == resource.RLIM_INFINITY or soft >= _WANTED:
        return soft
    return _WANTED if hard == resource.RLIM_INFINITY else min(_WANTED, hard)


def share(descriptors: int) -> int:
    """How many of so many file descriptors connections may have: half when they are few."""
    if descriptors == resource.RLIM_INFINITY:
        return limits.connections_max
    return min(limits.connections_max, max(descriptors - limits.descriptors_reserve, descriptors // 2))
