"""The files of a report."""

from pathlib import Path

import pytest

from mys3d.bench import document, report
from mys3d.bench.figures import Ceiling
from mys3d.bench.sign import Keys
from mys3d.bench.target import Target
from tests.bench.results import two_targets

TARGET = Target("mys3d", ("h:1",), Keys("THEKEY", "the-secret"), "b", {"n1": 1})


def made() -> document.Document:
    rows = [*two_targets(), *two_targets(operation="small_files.read", ceiling=Ceiling(110.0, 20.0))]
    return document.document_of(rows, [(TARGET, "tiny")], {"sizes": [4096]}, "2026-01-01T00:00:00Z")


def test_a_report_is_json_a_table_charts_and_a_page(tmp_path: Path) -> None:
    paths = report.write(made(), tmp_path / "new" / "out")
    assert [path.name for path in paths] == [
        "result.json",
        "table.md",
        "get.png",
        "small_files.read.png",
        "report.html",
    ]
    page = (tmp_path / "new" / "out" / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 2
    assert "mys3d bench: mys3d" in page
    assert "<td>100 [100, 100]*</td>" in page
    assert "* more than 60% of what the generator reaches" in page
    assert document.read(tmp_path / "new" / "out" / "result.json") == made()


def test_without_matplotlib_everything_else_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "has_matplotlib", lambda: False)
    paths = report.write(made(), tmp_path)
    assert [path.name for path in paths] == ["result.json", "table.md", "report.html"]
    assert "<img" not in (tmp_path / "report.html").read_text()
