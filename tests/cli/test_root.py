"""The list of commands."""

import resource
import subprocess
import sys
from typing import Any

import click
import pytest

from mys3d.cli.root import COMMANDS, root


@pytest.mark.parametrize("name", COMMANDS)
def test_every_listed_command_exists_and_says_the_same_of_itself(name: str) -> None:
    command = root.get_command(click.Context(root), name)
    assert command is not None
    assert command.help is not None
    assert command.help.startswith(COMMANDS[name][2].rstrip("."))


def test_an_unknown_command_is_a_usage_error(mys3d: Any) -> None:
    result = mys3d("strat")
    assert result.exit_code == 2
    assert "No such command 'strat'" in result.stderr


def test_help_imports_no_room_of_the_server() -> None:
    code = (
        "import sys; sys.argv = ['mys3d', '--help']\n"
        "import mys3d.cli\n"
        "try: mys3d.cli.main()\n"
        "except SystemExit: pass\n"
        "heavy = ('trio', 'quart', 'hypercorn', 'mys3d.node', 'rich', 'msgspec')\n"
        "print([name for name in sys.modules if name in heavy])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_is_quick() -> None:
    def seconds() -> float:
        """Of CPU: what else the machine does is not ours."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "mys3d", "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    assert min(seconds() for _ in range(5)) < 0.150
