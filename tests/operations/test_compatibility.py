"""The compatibility page says what the operation table says."""

import json

import pytest

from tests.operations import compatibility


def test_the_page_is_what_the_table_says() -> None:
    assert compatibility.PAGE.read_text() == compatibility.page(), "run `make docs`"


def test_the_page_shows_the_latest_yardstick(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compatibility, "YARDSTICK", tmp_path / "yardstick.json")
    assert "s3-tests" not in compatibility.page()
    areas = {"copy": {"passed": 12, "failed": 1, "skipped": 0}}
    compatibility.YARDSTICK.write_text(json.dumps({"suite": "ceph/s3-tests", "revision": "8f0ae7b", "areas": areas}))
    assert compatibility.page().endswith(
        "| area | passed | failed | skipped |\n|---|---:|---:|---:|\n| copy | 12 | 1 | 0 |\n"
    )
