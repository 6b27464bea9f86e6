"""The JSON of a run."""

import json
from pathlib import Path

import pytest

from mys3d.bench import document
from mys3d.bench.sign import Keys
from mys3d.bench.target import Target
from tests.bench.results import two_targets

TARGET = Target("mys3d", ("h:1",), Keys("THEKEY", "the-secret"), "b", {"n1": 1})


def made() -> document.Document:
    return document.document_of(two_targets(), [(TARGET, "tiny")], {"operations": ["get"]}, "2026-01-01T00:00:00Z")


def test_a_document_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_bytes(document.encode(made()))
    assert document.read(tmp_path / "result.json") == made()


def test_the_machine_stands_beside_the_figures_and_keys_do_not() -> None:
    text = document.encode(made()).decode()
    found = json.loads(text)
    assert {"cpu", "cpus", "kernel", "memory_gib"} <= found["machine"].keys()
    assert found["targets"] == [{"name": "mys3d", "endpoints": ["http://h:1"], "servers": ["n1"], "software": "tiny"}]
    assert found["rows"][0]["row"]["slices"][0]["server_cpu_seconds"] == {"n1": 0.05, "n2": 0.05}
    assert found["rows"][0]["figures"]["ops_per_second"]["value"] == 100.0
    assert "THEKEY" not in text and "the-secret" not in text


@pytest.mark.parametrize("text", ["", "[]", '{"format": 1}', '{"format": 2}'])
def test_another_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "old.json").write_text(text)
    with pytest.raises(ValueError, match=r"old\.json is no result of mys3d bench"):
        document.read(tmp_path / "old.json")
