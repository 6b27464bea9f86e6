"""How long a lost index of many blobs takes to build anew, and how much memory.

python -m bench.rebuild --blobs 1000000 --bytes 1000
"""

import argparse
import resource
import shutil
import tempfile
import time
from pathlib import Path

from mys3d.blobs.directory import Directory, NewBlob
from mys3d.blobs.space import measure
from mys3d.blobs.volume import DiskCalls
from mys3d.model.digest import digest_of

CLUSTER = bytes(16)
BATCH = 256


def fill(folder: Path, count: int, length: int) -> None:
    """Write `count` different blobs."""
    directory = Directory(folder, CLUSTER, DiskCalls(), measure)
    for first in range(0, count, BATCH):
        pieces = [b"%0*d" % (length, number) for number in range(first, min(first + BATCH, count))]
        directory.commit([NewBlob(digest_of(data), (data,), len(data), 1) for data in pieces])
    directory.close()


def rebuild(folder: Path, count: int) -> tuple[float, float]:
    """Lose the index and open again. Returns seconds, and seconds of CPU."""
    shutil.rmtree(folder / "index")
    started, cpu = time.perf_counter(), time.process_time()
    directory = Directory(folder, CLUSTER, DiskCalls(), measure)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    found = directory.index.blobs_count
    directory.close()
    assert found == count, f"{found} of {count} blobs were found again"
    return seconds, cpu


def peak_mebibytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blobs", type=int, default=1_000_000)
    parser.add_argument("--bytes", type=int, default=1000)
    parser.add_argument("--folder", type=Path, help="a directory on the disk to measure; default: the system's")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=words.folder) as folder:
        fill(Path(folder) / "blobs", words.blobs, words.bytes)
        before = peak_mebibytes()
        seconds, cpu = rebuild(Path(folder) / "blobs", words.blobs)
        print(
            f"{words.blobs} blobs of {words.bytes} bytes: index built anew in {seconds:.1f} s ({cpu:.1f} s of CPU), "
            f"peak memory {peak_mebibytes():.0f} MiB ({before:.0f} MiB after writing them)"
        )


if __name__ == "__main__":
    main()
