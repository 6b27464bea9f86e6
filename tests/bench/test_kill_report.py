"""What is shown of a killed node."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mys3d.bench import kill_report
from mys3d.bench.kill_node import Outcome
from mys3d.bench.timeline import Stretch
from tests.bench.test_charts import is_drawn


def outcome(**fields: Any) -> Outcome:
    stretches = [Stretch(name, 1.0, 2.0, 100.0, 90.0, 3, 1.5, 20.25, 300.0) for name in ("calm", "degraded")]
    known: dict[str, Any] = {
        "victim": "n2",
        "was_leader": True,
        "events": {"killed": 1.0, "started": 2.0, "serving": 2.5, "healed": 3.0},
        "stretches": stretches,
        "bin_seconds": 0.5,
        "puts_per_second": [100.0, 100.0, 10.0, 40.0, 90.0, 100.0, 100.0],
        "gets_per_second": [90.0] * 7,
        "errors_per_second": [0.0, 0.0, 30.0, 0.0, 0.0, 0.0, 0.0],
        "silence_seconds": 0.8,
        "silence_began": 1.01,
        "heal_seconds": 1.0,
        "acknowledged_count": 1234,
        "doubtful_count": 5,
        "read_back": {"n1": 1234, "n2": 1234, "n3": 1234},
        "lost": [],
        "wrong": [],
        "unread": [],
        "trouble": "",
    }
    return Outcome(**(known | fields))


def test_the_verdict_comes_first() -> None:
    lines = kill_report.as_markdown(outcome()).splitlines()
    assert lines[0] == "**sound: 1234 acknowledged objects, all read back through each of 3 nodes**"
    assert "| calm | 1.0 | 2.0 | 100 | 90 | 3 | 1.50 | 20.25 | 300 |" in lines
    assert any(
        "n2 (leader) was killed at 1.0 s; the longest time without an acknowledged PUT was 0.80 s" in x for x in lines
    )
    assert any("all copies were back 1.0 s later" in line for line in lines)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"lost": ["bench/kill/7-10"]}, "NOT SOUND: 1 lost"),
        ({"wrong": ["a", "b"], "unread": ["c"]}, "NOT SOUND: 2 wrong; 1 unread"),
        ({"heal_seconds": None, "trouble": "not healed"}, "NOT SOUND: not healed"),
    ],
)
def test_a_run_that_is_not_sound_says_so_and_names_the_keys(fields: dict[str, Any], words: str) -> None:
    found = outcome(**fields)
    assert not found.is_sound
    assert kill_report.verdict(found) == words
    text = kill_report.as_markdown(found)
    assert text.startswith(f"**{words}**")
    for name in ("lost", "wrong", "unread"):
        assert (f"{name}: {', '.join(fields[name])}" in text) if name in fields else (f"\n{name}: " not in text)


def test_a_report_is_json_a_table_a_chart_and_a_page(tmp_path: Path) -> None:
    paths = kill_report.write(outcome(), {"victim": "leader"}, "2026-01-01T00:00:00Z", tmp_path)
    assert [path.name for path in paths] == ["result.json", "table.md", "kill_node.png", "report.html"]
    found = json.loads((tmp_path / "result.json").read_text())
    assert (found["is_sound"], found["settings"]) == (True, {"victim": "leader"})
    assert msgspec.convert(found["outcome"], Outcome) == outcome()
    assert is_drawn((tmp_path / "kill_node.png").read_bytes())
    assert 'class="good">sound: ' in (tmp_path / "report.html").read_text()


def test_without_matplotlib_everything_else_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kill_report, "has_matplotlib", lambda: False)
    paths = kill_report.write(outcome(lost=["k"]), {}, "2026-01-01T00:00:00Z", tmp_path)
    assert [path.name for path in paths] == ["result.json", "table.md", "report.html"]
    assert 'class="bad">NOT SOUND' in (tmp_path / "report.html").read_text()
