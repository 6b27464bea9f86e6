"""How the C library of a node hands out memory.        Floor: top. Called by: serving.

Law: where it cannot be told, nothing changes.
"""

import ctypes
import functools
from typing import Final

_MMAP_THRESHOLD: Final = -3  # M_MMAP_THRESHOLD of malloc.h
_ARENA_MAX: Final = -8  # M_ARENA_MAX
_ARENAS_COUNT: Final = 1
_MAPPED_BYTES_MIN: Final = 128 * 1024  # the value that glibc starts with


def bound_heaps() -> bool:
    """Keep one heap, and what is large out of it. Call it before threads start.

    glibc gives threads up to eight heaps per core, and what lies free in one is of no use to the others. It also moves
    the size from which a block is mapped on its own (and goes back to the kernel when it is freed) up to that of
    any such block it frees: after a few bodies of MiB all of them come from the heap and leave gaps of all sizes there.
    In ten minutes of full load the gaps of two heaps grew to 28 MiB, those of one without large blocks to 9. Requests
    of 4 KiB to 1 MiB cost the same, within 4 %.

    Returns False where the C library knows no such bounds (musl, macOS). Source: mallopt(3).
    """
    mallopt = _function("mallopt")
    bounds = ((_ARENA_MAX, _ARENAS_COUNT), (_MMAP_THRESHOLD, _MAPPED_BYTES_MIN))
    return mallopt is not None and all(mallopt(name, value) == 1 for name, value in bounds)


def give_back() -> bool:
    """Return to the kernel what lies free between blocks in use: about 5 ms for 30 MiB.

    Bodies of all sizes leave gaps, so that a node would grow for as long as it is busy although it uses no more.

    Returns False where the C library cannot be asked to. Source: malloc_trim(3).
    """
    malloc_trim = _function("malloc_trim")
    if malloc_trim is None:
        return False
    malloc_trim(0)
    return True


@functools.cache
def _function(name: str) -> "ctypes._NamedFuncPointer | None":
    return getattr(ctypes.CDLL(None), name, None)
