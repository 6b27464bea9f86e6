"""One node of `mys3d dev` as a process."""

import pytest
import trio

from mys3d.cli.dev_plan import DevPlan
from mys3d.cli.dev_process import DevProcess, ending, is_member
from mys3d.cli.failure import Failure


def test_an_ending_is_told_as_people_say_it() -> None:
    assert ending(0) == "exit 0"
    assert ending(-9) == "SIGKILL"


def test_a_directory_with_an_identity_is_a_members(plan: DevPlan) -> None:
    node = plan.nodes[1]
    assert not is_member(node)
    node.data.mkdir()
    (node.data / "identity").touch()
    assert is_member(node)


async def test_a_join_that_fails_is_not_tried_again(plan: DevPlan) -> None:
    (plan.data / "refuse").touch()
    process = DevProcess(plan, plan.nodes[1], lambda _: None)
    with trio.fail_after(20), pytest.raises(Failure, match="n2 could not start"):
        await process.live("MYS1.x")


async def test_stopping_what_never_ran_is_nothing(plan: DevPlan) -> None:
    process = DevProcess(plan, plan.nodes[0], lambda _: None)
    await process.stop()
    assert process.pid is None
    assert process.log_tail() == ""
