"""Give the middle of a file back to the file system.        Floor: blobs (driver). Called by: blobs.volume.

Law: the size of the file stays, the bytes read as zeros, nothing beside them changes. Python has no call for it, so
libc is asked: fallocate(2) with FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE.
"""

import ctypes
import errno
import os
from typing import Final

UNSUPPORTED: Final = (errno.EOPNOTSUPP, errno.ENOSYS, errno.ENODEV)  # this system or file system has no holes
_KEEP_SIZE: Final = 1  # linux/falloc.h
_PUNCH_HOLE: Final = 2

_libc = ctypes.CDLL(None, use_errno=True)
_fallocate = getattr(_libc, "fallocate64", None)  # None: not Linux with glibc or musl
if _fallocate is not None:
    _fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    _fallocate.restype = ctypes.c_int


def punch_hole(fd: int, offset: int, size: int) -> None:
    """Punch [offset, offset + size) out of an open file. Raises OSError, with one of UNSUPPORTED where none can be."""
    if _fallocate is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    while _fallocate(fd, _PUNCH_HOLE | _KEEP_SIZE, offset, size) != 0:
        number = ctypes.get_errno()
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))
