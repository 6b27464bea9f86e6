"""How many heaps the C library keeps."""

import platform
import subprocess
import sys

import pytest

from mys3d.cli import allocator

COUNT_ARENAS = """
import ctypes, threading
from mys3d.cli.allocator import bound_heaps
bound_heaps()
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
def test_threads_share_one_heap() -> None:
    done = subprocess.run([sys.executable, "-c", COUNT_ARENAS], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.count("Arena ") == 1


MAP_LARGE_BLOCKS = """
from pathlib import Path
from mys3d.cli.allocator import bound_heaps
assert bound_heaps()
def heap_kib():
    maps = Path("/proc/self/maps").read_text().splitlines()
    first, last = next(line for line in maps if line.endswith("[heap]")).split()[0].split("-")
    return (int(last, 16) - int(first, 16)) // 1024
before = heap_kib()
for size in (4_000_000, 130_000):  # once a large block was freed, glibc would take such ones from its heap
    blocks = [bytes(size) for _ in range(8)]
    print(heap_kib() - before)
    del blocks
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc maps blocks on their own")
def test_large_blocks_are_no_part_of_the_heap() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MAP_LARGE_BLOCKS], capture_output=True, text=True, check=True, timeout=60
    )
    assert max(map(int, done.stdout.split())) < 1000


LEAVE_GAPS = """
from pathlib import Path
from mys3d.cli.allocator import give_back
def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) // 256
blocks = [bytes(60_000) for _ in range(1_000)]
del blocks[::2], blocks[-1]
blocks.append(bytes(60_000))  # the end of the heap stays in use
before = resident_mib()
assert give_back()
print(before - resident_mib())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked")
def test_gaps_are_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", LEAVE_GAPS], capture_output=True, text=True, check=True, timeout=60)
    assert int(done.stdout) > 15, "half of 60 MB was free"


def test_another_c_library_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator, "_function", lambda _: None)
    assert not allocator.bound_heaps()
    assert not allocator.give_back()
