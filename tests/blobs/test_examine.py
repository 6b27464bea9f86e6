"""The files of a directory that nobody uses: every row leads to its bytes, or a sentence says what is wrong."""

import errno
import os
from pathlib import Path

import pytest

from mys3d.blobs import record
from mys3d.blobs.examine import examine
from mys3d.blobs.volume import SUFFIX

CLUSTER = b"cluster of tests"


@pytest.fixture
async def folder(tmp_path, open_store, blob):
    """A directory with ten blobs of one volume."""
    async with open_store() as blobs:
        for seed in range(10):
            digest, data = blob(seed)
            await blobs.put(digest, [data], 1)
    return tmp_path / "blobs"


def volume_of(folder: Path) -> Path:
    (path,) = folder.glob(f"*{SUFFIX}")
    return path


def changed(path: Path, needle: bytes, step: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[data.index(needle) + step] ^= 1
    path.write_bytes(data)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and "LOG" not in path.name}


async def test_a_sound_directory_has_nothing_wrong_and_is_not_touched(folder):
    before = contents(folder)
    assert list(examine(folder, CLUSTER)) == []
    assert contents(folder) == before


async def test_a_rotten_blob_is_named(folder, blob):
    digest, data = blob(3)
    changed(volume_of(folder), data[:64], 5)
    (sentence,) = examine(folder, CLUSTER)
    assert digest.hex() in sentence and "are damaged" in sentence


async def test_a_rotten_record_head_is_named(folder, blob):
    digest, _ = blob(3)
    changed(volume_of(folder), digest)
    (sentence,) = examine(folder, CLUSTER)
    assert digest.hex() in sentence and "cannot be read" in sentence


async def test_a_volume_that_is_gone_is_told_of_for_each_of_its_blobs(folder):
    volume_of(folder).unlink()
    sentences = list(examine(folder, CLUSTER))
    assert len(sentences) == 10
    assert all("is not there" in sentence for sentence in sentences)


async def test_an_unreadable_volume_is_named_itself(folder):
    path = volume_of(folder)
    path.write_bytes(bytes(record.RECORDS_START) + path.read_bytes()[record.RECORDS_START :])
    assert str(path) in next(examine(folder, CLUSTER))


async def test_a_volume_of_another_cluster_is_told_of(folder):
    assert "belongs to cluster" in next(examine(folder, b"another cluster!"))


async def test_a_quarantined_blob_is_told_of(folder, open_store, blob, rot):
    digest, _ = blob(2)
    async with open_store() as blobs:
        rot(blobs, digest)
        with pytest.raises(Exception, match="damaged"):
            await blobs.read(digest, 0, 4096)
    (sentence,) = examine(folder, CLUSTER)
    assert digest.hex() in sentence and "quarantined" in sentence


async def test_a_damaged_index_is_one_sentence(folder):
    (folder / "index" / "CURRENT").write_text("hello")
    (sentence,) = examine(folder, CLUSTER)
    assert "builds it anew" in sentence


async def test_a_sector_that_cannot_be_read_is_a_sentence(folder, monkeypatch):
    real = os.pread

    def pread(fd, count, offset):
        if count == record.HEADER_BYTES_MAX:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(fd, count, offset)

    monkeypatch.setattr(os, "pread", pread)
    assert all("cannot be read" in sentence for sentence in examine(folder, CLUSTER))
