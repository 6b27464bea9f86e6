"""Memory of a process, by the kernel's account."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from mys3d.bench.memory import resident_bytes, resident_bytes_max


def test_the_most_is_not_less_than_what_is_held_now() -> None:
    assert resident_bytes_max(os.getpid()) >= resident_bytes(os.getpid()) > 1 << 20


@pytest.mark.parametrize("ask", [resident_bytes, resident_bytes_max])
def test_a_process_that_is_gone_is_told(ask: Callable[[int], int]) -> None:
    with pytest.raises(ProcessLookupError, match="process 4194305 is not running"):
        ask(2**22 + 1)


def test_a_process_that_ended_and_was_not_waited_for_holds_nothing_that_could_be_told() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(ProcessLookupError, match="has ended"):
            resident_bytes(process.pid)
