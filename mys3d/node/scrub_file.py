"""`scrub.json`: what a node remembers of its scrub.        Floor: composition root. Called by: life.

Law: the file is there whole or not at all, and durable when `save` returns.
"""

import os
from pathlib import Path
from typing import Final

import trio

from mys3d.errors import Unavailable

SCRUB_FILE: Final = "scrub.json"


class ScrubFile:
    """The note in a data directory."""

    def __init__(self, data: Path) -> None:
        self._path: Final = data / SCRUB_FILE

    async def load(self) -> bytes | None:
        """None: there is none yet, or it cannot be read."""
        return await trio.to_thread.run_sync(self._load)

    async def save(self, text: bytes) -> None:
        """Raises Unavailable: the disk is full, or fails."""
        await trio.to_thread.run_sync(self._save, text)

    def _load(self) -> bytes | None:
        try:
            return self._path.read_bytes()
        except OSError:  # a note is a convenience: without it a round is read twice
            return None

    def _save(self, text: bytes) -> None:
        unborn = self._path.with_suffix(".new")
        try:
            fd = os.open(unborn, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                while text:
                    text = text[os.write(fd, text) :]
                os.fsync(fd)
            finally:
                os.close(fd)
            os.rename(unborn, self._path)
            _sync(self._path.parent)
        except OSError as error:
            raise Unavailable(f"{self._path} cannot be written: {error}") from error


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
