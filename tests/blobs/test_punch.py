"""A hole in the middle of a file."""

import os
from pathlib import Path

import pytest

from mys3d.blobs.punch import UNSUPPORTED, punch_hole


def test_a_hole_reads_as_zeros_and_leaves_its_neighbours(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 16_384)
    with path.open("r+b") as file:
        try:
            punch_hole(file.fileno(), 4096, 8192)
        except OSError as error:
            assert error.errno in UNSUPPORTED
            pytest.skip("this file system has no holes")
    assert path.read_bytes() == b"x" * 4096 + bytes(8192) + b"x" * 4096


def test_a_refused_hole_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    fd = os.open(tmp_path / "file", os.O_RDONLY)
    with pytest.raises(OSError, match="descriptor"):
        punch_hole(fd, 0, 1)
    os.close(fd)
