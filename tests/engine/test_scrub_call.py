"""One question for the scrubs of all nodes, or of one."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mys3d.engine.scrub_call import ScrubAsked, scrub_nodes
from mys3d.errors import Unavailable
from mys3d.model.scrub import ScrubAction, ScrubState

MakeGrid = Callable[[int], Awaitable[Any]]


async def test_all_nodes_are_asked_or_the_one_that_is_named(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    one = await scrub_nodes(grid[0].ports, grid[0].scrub, ScrubAsked(ScrubAction.START, "n2"))
    assert [(answer.name, answer.report.state) for answer in one if answer.report] == [("n2", ScrubState.RUNNING)]
    all_of_them = await scrub_nodes(grid[2].ports, grid[2].scrub, ScrubAsked(ScrubAction.STATUS))
    assert [answer.report.state for answer in all_of_them if answer.report] == ["waiting", "running", "waiting"]
    by_id = await scrub_nodes(grid[0].ports, grid[0].scrub, ScrubAsked(ScrubAction.PAUSE, grid.ids[0]))
    assert by_id[0].report is not None and by_id[0].report.state is ScrubState.PAUSED


async def test_a_node_that_cannot_be_reached_is_named_and_holds_up_no_other(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    grid.network.partition(grid.ids[1])
    answers = await scrub_nodes(grid[0].ports, grid[0].scrub, ScrubAsked(ScrubAction.START))
    assert [answer.report is not None for answer in answers] == [True, False, True]
    assert "not reachable" in answers[1].error


async def test_a_name_that_nobody_has_is_refused(make_grid: MakeGrid) -> None:
    grid = await make_grid(1)
    with pytest.raises(Unavailable, match="called n9"):
        await scrub_nodes(grid[0].ports, grid[0].scrub, ScrubAsked(ScrubAction.START, "n9"))
