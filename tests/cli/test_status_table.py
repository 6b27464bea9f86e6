"""What a person sees of the status."""

import io
from typing import Any

from rich.console import Console

from mys3d.cli.status_table import status_view


def node(name: str, **changes: Any) -> dict[str, Any]:
    disk = {"size_bytes": 2 * 10**12, "free_bytes": 15 * 10**11, "blobs_count": 402}
    facts: dict[str, Any] = {"id": "0" * 32, "name": name, "zone": "home", "state": "active", "role": "follower"}
    facts |= {"reachable": True, "term": 3, "applied_index": 77, "lag": 2, "disk": disk, "blobs_missing": 0}
    return facts | {"s3": "10.0.0.1:9000", "admin": "10.0.0.1:9001", "peers": "10.0.0.1:9002", "version": "0"} | changes


def shown(**changes: Any) -> str:
    status: dict[str, Any] = {
        "cluster": {"id": "c0ffee00" * 4, "region": "us-east-1"},
        "health": "healthy",
        "writable": True,
        "sentence": "can lose 1 node",
        "copies": {"target": 3, "missing_blobs": 0},
        "layout": {"epoch": 4, "sealed": 3, "in_transition": False},
        "garbage": {"blobs_count": 7, "bytes_count": 3_400_000, "walked_ago_seconds": 42},
        "nodes": [node("n1", role="leader"), node("n2")],
    }
    console = Console(file=io.StringIO(), width=200)
    console.print(status_view(status | changes))
    output = console.file
    assert isinstance(output, io.StringIO)
    return output.getvalue()


def test_the_first_line_says_what_can_be_lost() -> None:
    first = shown().splitlines()[0]
    assert first == "cluster c0ffee00  ● healthy   writable: yes   can lose 1 node"


def test_every_node_has_a_row_with_its_numbers() -> None:
    rows = shown().splitlines()
    wanted = "n1 home active leader ★ 3 77 2 1.5 TB of 2.0 TB 402 0 10.0.0.1:9000"
    assert " ".join(rows[2].split()) == wanted


def test_a_node_that_cannot_be_reached_shows_no_numbers() -> None:
    row = shown(nodes=[node("n2", reachable=False, disk=None)]).splitlines()[2]
    assert "active, not reachable" in row
    assert "1.5 TB" not in row


def test_a_leader_that_cannot_be_reached_is_not_shown_as_leading() -> None:
    rows = shown(nodes=[node("n1", role="leader", reachable=False, disk=None)]).splitlines()
    assert "leader" not in rows[2]
    assert "follower" in rows[2]


def test_a_line_counts_copies_and_tells_of_moves() -> None:
    assert shown().splitlines()[-2] == "3 copies of every blob wanted, 0 missing; layout 4"
    moving = shown(layout={"epoch": 5, "sealed": 4, "in_transition": True}, copies={"target": 1, "missing_blobs": 9})
    assert moving.splitlines()[-2] == "1 copy of every blob wanted, 9 missing; layout 5, moving"


def test_the_last_line_tells_of_the_scrubs() -> None:
    assert shown().splitlines()[-1] == "scrub: no node told"
    told = {"state": "waiting", "finished_at": 0, "found_count": 1, "healed_count": 1, "open_count": 0}
    last = shown(nodes=[node("n1", scrub=told), node("n2", scrub=None)]).splitlines()[-1]
    assert last == "scrub: last full round of all nodes never; 1 damaged copy found, 1 healed"


def test_an_unknown_health_is_still_shown() -> None:
    assert "? strange" in shown(health="strange")


def test_a_directory_in_trouble_has_a_line_of_its_own_and_a_sound_one_has_none() -> None:
    sound = {
        "path": "/mnt/a", "offline": "", "is_writable": True, "free_bytes": 5, "damages_count": 0,
        "unreadable_volumes_count": 0,
    }  # fmt: skip
    changes: list[dict[str, Any]] = [
        {},
        {"path": "/mnt/b", "offline": "is gone", "is_writable": False},
        {"path": "/mnt/c", "is_writable": False, "free_bytes": 3_000_000},
        {"path": "/mnt/d", "damages_count": 2, "unreadable_volumes_count": 1},
    ]
    disk = {"size_bytes": 1, "free_bytes": 1, "blobs_count": 1, "directories": [sound | change for change in changes]}
    text = shown(nodes=[node("n1", disk=disk)])
    assert "/mnt/a" not in text
    assert "n1  /mnt/b: offline: is gone" in text
    assert "n1  /mnt/c: full: 3.0 MB free" in text
    assert "n1  /mnt/d: 2 blobs found damaged" in text
    assert "n1  /mnt/d: 1 volumes cannot be read" in text


def test_a_line_says_how_much_garbage_there_is() -> None:
    assert shown().splitlines()[-3].rstrip() == "garbage: 7 blobs, 3.4 MB, looked at within 42 s"
    fresh = {"blobs_count": 0, "bytes_count": 0, "walked_ago_seconds": None}
    assert "not looked at by all nodes yet" in shown(garbage=fresh).splitlines()[-3]
