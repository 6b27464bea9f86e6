"""An index built anew: whole, in bounded batches, and never from volumes that are not ours."""

import shutil
from collections.abc import Callable

import pytest

from mys3d import limits
from mys3d.blobs import opening
from mys3d.blobs.directory import Directory, NewBlob
from mys3d.blobs.index import Index, Position
from mys3d.model.digest import Digest

Open = Callable[[], Directory]
Write = Callable[..., NewBlob]
Build = Callable[..., tuple[Digest, bytes]]


def test_rows_are_written_in_bounded_batches_and_the_position_never_runs_ahead_of_them(
    open_directory: Open, new_blob: Write, blob: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "index_rows_max", 7)
    first = open_directory()
    first.commit([new_blob(seed, 100) for seed in range(40)])
    first.close()
    shutil.rmtree(first.folder / "index")
    batches: list[int] = []
    real = Index.add

    def add(index: Index, blobs: list[object], position: Position) -> object:
        batches.append(len(blobs))
        assert all(place.offset < position.offset for _, place in blobs)  # type: ignore[attr-defined]
        return real(index, blobs, position)  # type: ignore[arg-type]

    monkeypatch.setattr(Index, "add", add)
    second = open_directory()
    assert batches == [7, 7, 7, 7, 7, 5]
    assert (second.recovered_count, second.index.blobs_count) == (40, 40)
    second.close()


def test_a_rebuild_that_was_killed_goes_on_where_its_rows_end(
    open_directory: Open, new_blob: Write, blob: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "index_rows_max", 10)
    first = open_directory()
    first.commit([new_blob(seed, 100) for seed in range(60)])
    first.close()
    shutil.rmtree(first.folder / "index")
    real = opening._Rows.write
    written: list[int] = []

    def write(rows: opening._Rows, end: int) -> None:
        if len(written) == 3:
            raise OSError("killed")
        written.append(end)
        real(rows, end)

    monkeypatch.setattr(opening._Rows, "write", write)
    with pytest.raises(OSError, match="killed"):
        open_directory()  # what was written is flushed when it is let go
    monkeypatch.setattr(opening._Rows, "write", real)
    second = open_directory()
    assert (second.recovered_count, second.index.blobs_count) == (30, 60)
    second.close()


def test_a_sealed_volume_ends_where_its_records_end_after_a_restart_too(open_directory: Open, new_blob: Write) -> None:
    first = open_directory()
    first.commit([new_blob(seed, 3 * limits.MIB) for seed in range(5)])
    ends = {number: first._volumes[number].end for number in (1, 2)}
    first.close()
    second = open_directory()
    assert {number: second._volumes[number].end for number in (1, 2)} == ends
    second.close()
