"""How many heaps the C library keeps."""

import platform
import subprocess
import sys

import pytest

from mys3d.cli import allocator

COUNT_ARENAS = """
import ctypes, threading
from mys3d.cli.allocator import keep_arenas_few
keep_arenas_few()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
together = threading.Barrier(6)
def work():
    together.wait()
    for _ in range(200):
        assert libc.malloc(ctypes.c_size_t(60_000))
    together.wait()
threads = [threading.Thread(target=work) for _ in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.malloc_stats()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps arenas")
def test_threads_share_two_arenas() -> None:
    done = subprocess.run([sys.executable, "-c", COUNT_ARENAS], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.count("Arena ") == 2


def test_another_c_library_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator, "_mallopt", lambda: None)
    assert not allocator.keep_arenas_few()
