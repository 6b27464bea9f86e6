"""Bodies without equal blobs, and what a row of the table says. Clusters are not started here."""

from pathlib import Path

import pytest

from bench.large import STRIDE, Cell, Sample, Side, body, line, parse, requests_of, start
from mys3d.bench.sign import Keys
from mys3d.bench.target import Target


def side() -> Side:
    return Side("tls", Target("tls", ("127.0.0.1:1",), Keys("key", "secret"), "large", {}), None)  # type: ignore[arg-type]  # nothing is started


@pytest.mark.parametrize("size", [1, 16, 17, STRIDE, STRIDE + 5, 3 * STRIDE])
def test_a_body_has_its_size_and_no_two_blobs_are_equal(size: int) -> None:
    whole = b"".join(body(size, bytes(STRIDE)))
    blobs = [whole[start : start + STRIDE] for start in range(0, size, STRIDE)]
    assert len(whole) == size and len(set(blobs)) == len(blobs)


def test_requests_are_made_for_each_body() -> None:
    puts = list(requests_of(side(), Cell("put", 100, 1), "p", 3))
    assert [sum(map(len, request.pieces[1:])) for request in puts] == [100] * 3
    (get,) = requests_of(side(), Cell("get", 100, 1), "p", 1)
    assert get.pieces[0].startswith(b"GET /large/p/0 ") and get.answer_bytes == 100


def test_a_row_shows_the_median_of_the_rounds_with_and_without_idling() -> None:
    samples = [
        Sample(2.0, 10**9, {"n1": spent, "n2": 1.0}, {"n1": 0.5, "n2": 0.5}, 0.2, 100.0 + spent)
        for spent in (2.0, 3.0, 9.0)
    ]
    assert line(Cell("put", 1 << 30, 8), "tls", samples) == (
        "| put | 1024 MiB | 8 | tls | 500 | 4.00 (3.00 to 10.00) | 3.00 | 2.50 0.50 | 0.20 | 0.33 | 109 |"
    )


def test_words_have_defaults_and_a_target_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert parse(["--target", "a=."]).bytes == 512 << 20
    with pytest.raises(SystemExit):
        parse([])
    assert "--target" in capsys.readouterr().err


def test_a_cluster_that_does_not_start_says_why(tmp_path: Path) -> None:
    package = tmp_path / "mys3d"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("import os; raise SystemExit('not today: ' + os.environ['PYTHONPATH'])")
    with pytest.raises(SystemExit, match=f"a does not start:\nnot today: {tmp_path}"):
        start(f"a={tmp_path}", tmp_path)
