"""`mys3d doctor`: who is asked, what is said, and the exit code."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mys3d.cli import admin_client
from mys3d.errors import Unavailable


@pytest.fixture
def running(tmp_path: Path) -> Path:
    """A directory in which this process is the node."""
    data = tmp_path / "n1"
    data.mkdir()
    facts = {"name": "n1", "pid": os.getpid(), "s3": "127.0.0.1:1", "admin": "127.0.0.1:2", "peers": "127.0.0.1:3"}
    (data / "node.json").write_text(json.dumps(facts))
    return data


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    data = tmp_path / "n1"
    data.mkdir()
    (data / "identity").write_text("{}")
    return data


@pytest.mark.parametrize(
    ("sentences", "code", "said"),
    [([], 0, "nothing is wrong\n"), (["a row is odd", "another one too"], 1, "a row is odd\nanother one too\n")],
)
def test_a_running_node_is_asked(
    mys3d: Any, running: Path, monkeypatch: pytest.MonkeyPatch, sentences: list[str], code: int, said: str
) -> None:
    asked: list[Any] = []

    def answer(*words: Any) -> Any:
        asked.append(words)
        return {"sentences": sentences, "rows_compared": 9}

    monkeypatch.setattr(admin_client, "ask_any", answer)
    result = mys3d("doctor", "--data", running)
    assert (result.exit_code, result.stdout) == (code, said)
    assert asked == [(running, "POST", "/doctor", {})]


def test_the_files_of_a_running_node_are_left_alone(mys3d: Any, running: Path) -> None:
    result = mys3d("doctor", "--files", "--data", running)
    assert result.exit_code == 7
    assert f"a node runs in {running}" in result.stderr


@pytest.mark.parametrize("words", [[], ["--files"]])
def test_the_files_of_a_stopped_node_are_read(
    mys3d: Any, stopped: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    seen: list[Path] = []

    def examine(config: Any) -> Any:
        seen.append(config.data)
        yield "the registry is damaged"

    monkeypatch.setattr("mys3d.node.doctor.examine", examine)
    result = mys3d("doctor", *words, "--data", stopped)
    assert (result.exit_code, result.stdout) == (1, "the registry is damaged\n")
    assert seen == [stopped]


def test_files_that_cannot_be_read_are_one_sentence(mys3d: Any, stopped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def examine(_: Any) -> Any:
        raise Unavailable("another process runs on it")

    monkeypatch.setattr("mys3d.node.doctor.examine", examine)
    result = mys3d("doctor", "--data", stopped)
    assert result.exit_code == 4
    assert "another process runs on it" in result.stderr


def test_a_directory_of_no_node_is_not_found(mys3d: Any, tmp_path: Path) -> None:
    result = mys3d("doctor", "--data", tmp_path / "nothing")
    assert result.exit_code == 6
    assert "belongs to no node" in result.stderr
