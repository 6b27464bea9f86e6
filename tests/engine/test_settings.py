"""Settings of the whole cluster are shown as applied, and obeyed at once on every node."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mys3d.engine.settings import SettingsAsked, change_settings
from mys3d.errors import Reason, Rejected, Unavailable
from mys3d.model.settings import WriteQuorum

MakeGrid = Callable[[int], Awaitable[Any]]


async def test_settings_are_shown_and_changed_one_by_one(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    assert await change_settings(grid[1].ports, SettingsAsked()) == {
        "write_quorum": "majority", "straggler_ms": 250, "gc_period_ms": 600_000, "dead_after_ms": 60_000,
    }  # fmt: skip
    await change_settings(grid[0].ports, SettingsAsked(straggler_ms=100))
    changed = await change_settings(grid[2].ports, SettingsAsked(WriteQuorum.ALL))
    assert (changed["write_quorum"], changed["straggler_ms"], changed["gc_period_ms"]) == ("all", 100, 600_000)
    assert (await change_settings(grid[2].ports, SettingsAsked(gc_period_ms=200)))["gc_period_ms"] == 200


async def test_a_setting_out_of_its_bounds_is_refused_and_nothing_changes(make_grid: MakeGrid) -> None:
    grid = await make_grid(1)
    with pytest.raises(Rejected) as refusal:
        await change_settings(grid[0].ports, SettingsAsked(straggler_ms=0))
    assert refusal.value.reason is Reason.INVALID_COMMAND
    assert (await change_settings(grid[0].ports, SettingsAsked()))["straggler_ms"] == 250


async def test_settings_are_not_told_by_a_node_that_hears_nobody(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    grid.cluster.isolate(grid.ids[2])
    with pytest.raises(Unavailable):
        await change_settings(grid[2].ports, SettingsAsked())
