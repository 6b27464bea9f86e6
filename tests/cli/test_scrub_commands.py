"""What `mys3d scrub` asks, and what it says."""

import json
from pathlib import Path
from typing import Any

import pytest

from mys3d.cli import admin_client

NOW = 1_700_000_000.0


def report(**changes: Any) -> dict[str, Any]:
    facts = {"state": "waiting", "is_fast": False, "blobs_count": 10, "bytes_count": 5 * 10**9, "progress": 0.0}
    facts |= {"eta_seconds": 0, "next_at": (NOW + 3 * 86400) * 1000, "finished_at": (NOW - 7200) * 1000}
    return facts | {"found_count": 0, "healed_count": 0, "open_count": 0} | changes


@pytest.mark.parametrize(("changes", "code"), [({}, 0), ({"open_count": 1}, 8), (None, 8)])
def test_the_exit_code_says_whether_all_is_well(
    mys3d: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any] | None, code: int
) -> None:
    asked: list[Any] = []

    def answer(_data: Path, method: str, path: str, wanted: object) -> Any:
        asked.append((method, path, wanted))
        return [{"name": "n1", "report": None if changes is None else report(**changes), "error": "silent"}]

    monkeypatch.setattr(admin_client, "ask_any", answer)
    result = mys3d("scrub", "start", "--node", "n1", "--data", tmp_path)
    assert result.exit_code == code
    assert result.stdout.startswith("n1  ")
    assert asked == [("POST", "/scrub", {"action": "start", "node": "n1"})]
    assert json.loads(mys3d("scrub", "--json", "--data", tmp_path).stdout)["nodes"][0]["name"] == "n1"
    assert asked[-1][2] == {"action": "status", "node": None}
