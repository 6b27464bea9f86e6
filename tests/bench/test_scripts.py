"""Each kind of measurement is a script of a checkout too."""

import subprocess
import sys
from pathlib import Path

import pytest

from mys3d.cli.bench_commands import bench

FOLDER = Path(__file__).resolve().parents[2] / "bench"


@pytest.mark.parametrize("name", bench.commands)
def test_every_command_has_its_script(name: str) -> None:
    text = (FOLDER / f"{name.replace('-', '_')}.py").read_text()
    assert f'script("{name}")' in text
    assert f"The same as `mys3d bench {name}`." in text


def test_a_script_takes_the_words_behind_it() -> None:
    words = [sys.executable, "-m", "bench.small_files", "--duration", "never"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=FOLDER.parent)
    assert done.returncode == 2
    assert "Usage: mys3d bench small-files" in done.stderr
    assert "expected a time" in done.stderr
