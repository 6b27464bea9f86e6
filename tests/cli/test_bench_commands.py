"""`mys3d bench` as it is typed."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mys3d.bench import run
from tests.bench.tiny_store import TinyStore, certificate, tiny_store

QUICK = ["--duration", "0.4", "--interleave", "100ms", "--concurrency", "2", "--sizes", "1K", "--objects", "20"]


@pytest.fixture
def store() -> Iterator[TinyStore]:
    with tiny_store() as running:
        yield running


@pytest.fixture(autouse=True)
def short_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    found = run.ceilings
    monkeypatch.setattr(run, "ceilings", lambda workload, concurrency: found(workload, concurrency, 0.05))
    monkeypatch.setattr("mys3d.bench.objects.PUT_KEYS_COUNT", 20)


def place(store: TinyStore, name: str = "tiny") -> list[str]:
    return ["--target", f"{name}=http://{store.endpoint}", "--keys", f"{name}=A:S"]


def test_two_targets_are_measured_in_one_run(store: TinyStore, tmp_path: Path, mys3d: Any) -> None:
    with tiny_store() as other:
        words = [*place(store, "one"), *place(other, "two"), *QUICK, "--out", str(tmp_path / "out")]
        result = mys3d("bench", "put", *words)
    assert result.exit_code == 0, result.output
    assert "| put | 1K | 2 | one |" in result.stdout
    assert "put 1K x 2: the generator alone does" in result.stderr
    found = json.loads((tmp_path / "out" / "result.json").read_text())
    assert [row["row"]["target"] for row in found["rows"]] == ["one", "two"]
    assert found["targets"][0]["software"].startswith("Tiny/1")
    assert found["settings"]["operations"] == ["put"]
    assert "| two |" in (tmp_path / "out" / "table.md").read_text()


def test_a_target_over_https_is_measured_when_its_certificate_verifies(tmp_path: Path, mys3d: Any) -> None:
    shown, authority = certificate(tmp_path)
    with tiny_store(shown) as secure:
        words = ["--target", f"safe=https://{secure.endpoint}", "--keys", "safe=A:S", *QUICK, "--quiet"]
        refused = mys3d("bench", "get", *words)
        verified = mys3d("bench", "get", *words, "--ca", str(authority), "--out", str(tmp_path / "out"))
        anybody = mys3d("bench", "put", *words, "--insecure")
    assert (refused.exit_code, verified.exit_code, anybody.exit_code) == (4, 0, 0), verified.output
    assert "that does not verify: self-signed certificate in certificate chain; --ca FILE" in refused.stderr
    found = json.loads((tmp_path / "out" / "result.json").read_text())
    assert found["targets"][0]["endpoints"] == [f"https://{secure.endpoint}"]


def test_a_ready_file_needs_no_keys(store: TinyStore, tmp_path: Path, mys3d: Any) -> None:
    ready = store.ready_file(tmp_path, os.getpid())
    result = mys3d("bench", "head", "--target", f"m={ready}", *QUICK, "--quiet")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert "/eu-west-3/s3/" in store.heads[-1][2]["authorization"]


def test_any_error_fails_the_run_unless_it_was_allowed(store: TinyStore, mys3d: Any) -> None:
    store.spoil = lambda method, path, status, body: (503 if method == "HEAD" and "/7-" in path else status, body)
    result = mys3d("bench", "head", *place(store), *QUICK)
    assert result.exit_code == 1
    assert "requests failed\nhead 1K x 2 on tiny: " in result.stderr
    assert "times status 503" in result.stderr
    assert mys3d("bench", "head", *place(store), *QUICK, "--allow-errors").exit_code == 0


def test_a_run_is_compared_with_an_earlier_one(store: TinyStore, tmp_path: Path, mys3d: Any) -> None:
    assert mys3d("bench", "head", *place(store), *QUICK, "--out", str(tmp_path)).exit_code == 0
    words = ["bench", "head", *place(store), *QUICK, "--compare", str(tmp_path / "result.json")]
    assert mys3d(*words, "--tolerance", "100%").exit_code == 0
    found = json.loads((tmp_path / "result.json").read_text())
    for slice_ in found["rows"][0]["row"]["slices"]:
        slice_["requests_count"] *= 100
    (tmp_path / "result.json").write_text(json.dumps(found))
    result = mys3d(*words)
    assert result.exit_code == 8
    assert "head 1K x 2 tiny: WORSE: ops/s x 0.0" in result.stdout
    assert mys3d(*words[:2], *place(store, "new"), *words[6:]).exit_code == 1  # nothing in common


def test_what_was_known_when_a_target_went_away_is_reported(store: TinyStore, tmp_path: Path, mys3d: Any) -> None:
    def gone(method: str, path: str, status: int, body: bytes) -> tuple[int, bytes]:
        return (503 if "/get/" in path else status, body)

    store.spoil = gone
    result = mys3d("bench", "suite", *place(store), *QUICK, "--out", str(tmp_path))
    assert result.exit_code == 4
    assert "| put | 1K | 2 | tiny |" in result.stdout
    assert "target tiny took 0 of 20 objects" in result.stderr
    assert (tmp_path / "result.json").exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["put", "--sizes", "x"], 2, "expected a size"),
        (["put", "--concurrency", "0"], 2, "expected a number of connections"),
        (["put", "--duration", "0"], 2, "expected a time"),
        (["put", "--rate", "0"], 2, "expected requests a second"),
        (["put", "--body", "gzip"], 2, "unsigned"),
        (["put", "--objects", "1"], 2, "8<=x"),
        (["put", "--rate", "5", "--autotune"], 2, "exclude each other"),
        (["multipart", "--rate", "5"], 2, "multipart cannot be paced"),
        (["list", "--sizes", "4K"], 2, "list has no sizes to choose"),
        (["put", "--target", "x"], 2, "expected NAME=URL"),
        (["put", "--compare", "/nowhere.json"], 1, "No such file"),
        (["put", "--target", "other=http://127.0.0.1:1", "--keys", "other=A:S"], 4, "target other does not answer"),
        (["fly"], 2, "No such command 'fly'"),
    ],
)
def test_what_cannot_be_run_is_told(words: list[str], code: int, message: str, mys3d: Any) -> None:
    result = mys3d("bench", *words)
    assert (result.exit_code, message in result.stderr) == (code, True), result.stderr


def test_a_file_that_is_no_result_is_told(tmp_path: Path, mys3d: Any) -> None:
    (tmp_path / "x.json").write_text("{}")
    result = mys3d("bench", "put", "--compare", str(tmp_path / "x.json"))
    assert result.exit_code == 2
    assert "x.json is no result of mys3d bench" in result.stderr


def test_without_a_target_the_dev_cluster_of_the_data_directory_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mys3d: Any
) -> None:
    monkeypatch.setenv("MYS3D_DATA", str(tmp_path))
    result = mys3d("bench", "put")
    assert result.exit_code == 4
    assert f"no node runs in {tmp_path}" in result.stderr
