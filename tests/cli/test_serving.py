"""How a node is stopped."""

import os
import signal
import subprocess
import sys

import pytest
import trio

from mys3d.cli.failure import Exit, Failure
from mys3d.cli.serving import run_until_stopped
from mys3d.errors import Unavailable

PROGRAM = """
import sys, trio
from mys3d.cli.serving import run_until_stopped

async def node():
    print("up", flush=True)
    try:
        await trio.sleep_forever()
    finally:
        print("in good order", flush=True)

run_until_stopped(node, until_stdin_closes="watch" in sys.argv)
"""


def start(*words: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_a_node_in_good_order(number: signal.Signals) -> None:
    process = start()
    process.send_signal(number)
    assert process.communicate(timeout=20)[0] == b"in good order\n"
    assert process.returncode == 0


def test_the_end_of_its_supervisor_stops_a_node() -> None:
    process = start("watch")
    assert process.communicate(timeout=20)[0] == b"in good order\n"  # communicate closes standard input
    assert process.returncode == 0


def test_a_node_that_ends_by_itself_ends_the_command() -> None:
    async def node() -> None:
        await trio.lowlevel.checkpoint()

    run_until_stopped(node, until_stdin_closes=False)


def test_what_an_operator_can_mend_is_a_failure() -> None:
    async def node() -> None:
        await trio.lowlevel.checkpoint()
        raise Unavailable("no member answers at 10.0.0.1:9002")

    with pytest.raises(Failure) as caught:
        run_until_stopped(node, until_stdin_closes=False)
    assert caught.value.code == Exit.UNREACHABLE
    assert caught.value.message == "no member answers at 10.0.0.1:9002"


def test_a_fault_of_our_own_is_not_hidden() -> None:
    async def node() -> None:
        await trio.lowlevel.checkpoint()
        assert os.getpid() < 0, "a broken promise"

    with pytest.raises(ExceptionGroup):
        run_until_stopped(node, until_stdin_closes=False)


COUNT = """
import gc
from mys3d.cli.serving import run_until_stopped

async def node():
    made = []
    made.append(made)
    print(gc.get_freeze_count(), any(one is made for one in gc.get_objects()))

run_until_stopped(node, until_stdin_closes=False)
"""


def test_the_collector_passes_over_what_was_imported_and_nothing_else() -> None:
    done = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, check=True, timeout=60)
    count, is_looked_through = done.stdout.split()
    assert int(count) > 10_000
    assert is_looked_through == "True"
