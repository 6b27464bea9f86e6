"""The scrubs of a cluster in words."""

from typing import Any

import pytest

from mys3d.cli.scrub_text import sentence, summary

NOW = 1_700_000_000.0


def report(**changes: Any) -> dict[str, Any]:
    facts = {"state": "waiting", "is_fast": False, "blobs_count": 10, "bytes_count": 5 * 10**9, "progress": 0.0}
    facts |= {"eta_seconds": 0, "next_at": (NOW + 3 * 86400) * 1000, "finished_at": (NOW - 7200) * 1000}
    return facts | {"found_count": 0, "healed_count": 0, "open_count": 0} | changes


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "waiting, next round in 3 d; last full round 2 h ago; 0 damaged copies found, 0 healed"),
        ({"finished_at": 0}, "waiting, next round in 3 d; last full round never; 0 damaged copies found, 0 healed"),
        (
            {"state": "running", "is_fast": True, "progress": 0.42, "eta_seconds": 90},
            "running fast, 42%, 10 blobs, 5.0 GB read, 2 min left; last full round 2 h ago; "
            "0 damaged copies found, 0 healed",
        ),
        (
            {"state": "paused", "found_count": 3, "healed_count": 1, "open_count": 2},
            "paused, goes on in 3 d; last full round 2 h ago; 3 damaged copies found, 1 healed, 2 NOT healed yet",
        ),
    ],
)
def test_a_report_is_told_in_one_line(changes: dict[str, Any], text: str) -> None:
    assert sentence(report(**changes), NOW) == text


def test_the_summary_counts_all_nodes_and_names_the_oldest_round_and_the_slowest() -> None:
    running = report(state="running", progress=0.25, eta_seconds=600, found_count=1, open_count=1, finished_at=0)
    assert summary([report(found_count=2, healed_count=2), running], NOW) == (
        "scrub: last full round of all nodes never; 3 damaged copies found, 2 healed, 1 NOT healed yet; "
        "1 running, 25% done, 10 min left"
    )
    assert summary([report(found_count=1, healed_count=1)], NOW) == (
        "scrub: last full round of all nodes 2 h ago; 1 damaged copy found, 1 healed"
    )
    assert summary([], NOW) == "scrub: no node told"
