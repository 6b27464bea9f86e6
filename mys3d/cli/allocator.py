"""How the C library of a node hands out memory.        Floor: top. Called by: serving.

Law: where it cannot be told, nothing changes.
"""

import ctypes
import functools
from typing import Final

_ARENA_MAX: Final = -8  # M_ARENA_MAX of malloc.h
_ARENAS_COUNT: Final = 2  # the loop has one; threads that read, hash and sync share the other


def keep_arenas_few() -> bool:
    """Bound the heaps of glibc, which gives up to eight per core to threads; what lies free in one is of no use to the
    others. Under full load 128 instead of 150 MiB after five minutes. Call it before threads start.

    Returns False where the C library knows no such bound (musl, macOS). Source: mallopt(3).
    """
    mallopt = _mallopt()
    return mallopt is not None and mallopt(_ARENA_MAX, _ARENAS_COUNT) == 1


@functools.cache
def _mallopt() -> "ctypes._NamedFuncPointer | None":
    return getattr(ctypes.CDLL(None), "mallopt", None)
