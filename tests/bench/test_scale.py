"""Words and reports of growth, with nodes that are never started; tests/system/test_scale.py starts one."""

import argparse
import io
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from bench import scale
from bench.scale_fill import BEFORE_NEIGHBOURS, body_of, key_of, neighbour_of
from bench.scale_loads import Anywhere, PageBehind, deletes
from bench.scale_node import KEYS, Quiet, Start, disk_bytes
from bench.scale_report import HOW, Deleted, Report, Size
from bench.scale_snapshot import Snapshot, watched
from mys3d.bench.document import encode
from mys3d.bench.figures import Measured, figures_of
from mys3d.bench.target import Target
from tests.bench.results import row_of, slice_of

TARGET = Target("node", ("127.0.0.1:1",), KEYS, "scale", {})


def row(operation: str, objects: int) -> Measured:
    latencies = {operation: slice_of().latencies["get"]}
    own = row_of(f"{objects:,}", [slice_of(latencies=latencies)] * 4, operation=operation, ceiling=None)
    return Measured(own, figures_of(own, None if objects == 1_000 else own))


def size(objects: int) -> Size:
    return Size(
        objects=objects,
        fill_seconds=1.0,
        fill_cpu_us=90.0,
        start=Start(1.0, 0.9),
        start_after_kill=Start(1.5, 1.2),
        quiet=Quiet(objects / 1e4, objects / 1e5, is_over=objects == 1_000),
        rss_quiet_mib=80.0,
        rss_loaded_mib=90.0,
        rss_max_mib=95.0,
        registry_bytes=objects * 300,
        index_bytes=objects * 60,
        volumes_bytes=objects * 600,
        snapshot=Snapshot(0.1, 0.005, 7, objects * 300, 0.2, 0.3, 0.25, 0.006),
        rows=[row(operation, count) for operation in ("get", "put", "list") for count in {1_000, objects}],
    )


def report() -> Report:
    looks = [row("list", 1_000), row("list", 50_000)]
    deleted = Deleted(50_000, 3_000, 10.0, 60.0, 1 << 20, looks)
    return Report({"cpu": "a"}, {"sizes": "[1000, 50000]"}, [size(1_000), size(50_000)], deleted)


def test_keys_are_spread_over_the_bucket_and_never_twice() -> None:
    keys = [key_of(number) for number in range(20_000)]
    assert len(set(keys)) == len(keys)
    assert len({key[:8] for key in keys[:200]}) == 100, "two digits, all of them soon"


def test_neighbours_stand_together_and_behind_the_key_that_a_page_begins_at() -> None:
    neighbours = [neighbour_of(number) for number in range(3_000)]
    everything = sorted([*neighbours, *map(key_of, range(50_000))])
    start = everything.index(neighbours[0])
    assert everything[start : start + 3_000] == neighbours
    assert everything[start - 1] <= BEFORE_NEIGHBOURS < neighbours[0]


@pytest.mark.parametrize("length", [1, 16, 512])
def test_bodies_have_their_length(length: int) -> None:
    assert len(body_of(key_of(1), length)) == length
    assert length < 16 or body_of(key_of(1), length) != body_of(key_of(2), length)


def test_a_table_has_a_column_for_each_size_and_says_how_it_was_filled() -> None:
    text = scale.scale_report.as_markdown(report())
    assert text.startswith(HOW)
    assert "|  | 1,000 | 50,000 |" in text
    assert "| then busy in the background, s (s of CPU) | 0 (0.0) | > 5 (0.5) |" in text
    assert "3,000 neighbours among 50,000 objects were deleted" in text
    assert len([line for line in text.splitlines() if line.startswith("| list |")]) == 4


def test_results_are_written_as_json_table_and_picture(tmp_path: Path) -> None:
    scale.write(tmp_path, report())
    assert msgspec.json.decode((tmp_path / "result.json").read_bytes(), type=Report) == report()
    assert (tmp_path / "result.json").read_bytes() == encode(report())
    assert (tmp_path / "table.md").read_text() == scale.scale_report.as_markdown(report())
    assert Image.open(io.BytesIO((tmp_path / "scale.png").read_bytes())).width > 500


def test_without_matplotlib_there_is_no_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale.scale_report, "has_matplotlib", lambda: False)
    scale.write(tmp_path, report())
    assert not (tmp_path / "scale.png").exists()


def test_loads_ask_for_what_was_filled_in() -> None:
    def pieces(operation: str, objects: int) -> bytes:
        (phase,) = Anywhere(operation, TARGET, objects, 512).phases(2)
        request = next(phase.connections[0].requests)
        return b"".join(map(bytes, request.pieces))

    assert pieces("get", 1_000).startswith(b"GET /scale/scale/")
    put = pieces("put", 1_000)
    assert put.startswith(b"PUT /scale/scale/") and b"content-length:512\r\n" in put
    assert b"start-after" not in pieces("list", 1_000), "the only full page of a thousand keys is the first"
    assert b"start-after=scale%2F" in pieces("list", 10_000)


def test_a_page_behind_a_key_is_looked_at_now_and_then() -> None:
    (phase,) = PageBehind(TARGET, BEFORE_NEIGHBOURS).phases(8)
    (connection,) = phase.connections
    first, second = next(connection.requests), next(connection.requests)
    assert first.pieces == second.pieces and second.check is None
    assert first.check is not None and first.check(b"<Key>" * 1_000) and not first.check(b"<Key>" * 999)


def test_a_thousand_keys_are_deleted_by_one_request() -> None:
    connections = deletes(TARGET, [neighbour_of(number) for number in range(2_500)], 2)
    requests = [request for connection in connections for request in connection.requests]
    assert [request.pieces[1].count(b"<Key>") for request in requests if isinstance(request.pieces[1], bytes)] == [
        1_000,
        1_000,
        500,
    ]
    assert requests[0].check is not None and not requests[0].check(b"<Error>")


def test_a_call_in_a_thread_is_watched() -> None:
    found, seconds, stall = watched(lambda: sum(range(100_000)))
    assert found == sum(range(100_000)) and 0 <= stall <= seconds
    with pytest.raises(ZeroDivisionError):
        watched(lambda: 1 // 0)


def test_what_a_folder_takes_is_counted_in_blocks(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "file").write_bytes(b"x" * 10_000)
    assert disk_bytes(tmp_path) >= 10_000


@pytest.mark.parametrize("text", ["100", "2000,1000", "1000,1000"])
def test_sizes_ascend_from_a_full_page_on(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="ascending"):
        scale._sizes(text)


def test_words_have_defaults() -> None:
    words = scale.parse([])
    assert words.sizes == [1_000, 10_000, 100_000, 1_000_000] and words.delete == 1_000_000
