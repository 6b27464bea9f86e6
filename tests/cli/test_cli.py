"""The entry point."""

import subprocess
import sys


def test_the_module_and_the_entry_point_are_one_program() -> None:
    done = subprocess.run([sys.executable, "-m", "mys3d", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("mys3d ")
