"""The note of the scrub survives restarts, whole or not at all."""

import os
from pathlib import Path

import pytest

from mys3d.errors import Unavailable
from mys3d.node.scrub_file import SCRUB_FILE, ScrubFile


async def test_what_was_saved_is_loaded_and_replaced_whole(tmp_path: Path) -> None:
    assert await ScrubFile(tmp_path).load() is None
    await ScrubFile(tmp_path).save(b"a longer note")
    await ScrubFile(tmp_path).save(b"short")
    assert await ScrubFile(tmp_path).load() == b"short"
    assert os.listdir(tmp_path) == [SCRUB_FILE]


async def test_a_crash_while_it_is_written_leaves_the_old_note(tmp_path: Path) -> None:
    await ScrubFile(tmp_path).save(b"old")
    (tmp_path / "scrub.new").write_bytes(b"ne")
    assert await ScrubFile(tmp_path).load() == b"old"
    await ScrubFile(tmp_path).save(b"new")
    assert await ScrubFile(tmp_path).load() == b"new"


async def test_a_file_that_cannot_be_written_or_read_is_told(tmp_path: Path) -> None:
    (tmp_path / SCRUB_FILE).mkdir()
    assert await ScrubFile(tmp_path).load() is None
    with pytest.raises(Unavailable, match=r"scrub\.json cannot be written"):
        await ScrubFile(tmp_path).save(b"note")
