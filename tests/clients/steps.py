"""Steps of a client, each with what came of it."""

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.clients.place import Place

STEP_SECONDS = 300
SCRIPTS = Path(__file__).parent / "scripts"


@dataclass(frozen=True)
class Step:
    """One thing that a client was asked to do. `fault` is empty when it did it."""

    name: str
    fault: str = ""


Steps = Callable[[Place], tuple[str, list[Step]]]  # the version of the client, and what came of each step


def scripted(command: Sequence[str], place: Place, folder: Path | None = None) -> tuple[str, list[Step]]:
    """Run a script that prints one JSON line for its version and one for each step."""
    done = subprocess.run(
        command,
        env=place.environment(),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=STEP_SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    steps = [Step(*line) for line in lines[1:]]
    if done.returncode != 0 or not steps:
        steps.append(Step("the script runs to its end", (done.stderr or done.stdout)[-600:] or "it printed nothing"))
    return str(lines[0][0]) if lines else "?", steps


class Typed:
    """A program as a user types it. A step ends with the first command that fails."""

    def __init__(self, place: Place, program: Path, **environment: str) -> None:
        self.steps: list[Step] = []
        self._program = program
        self._environment = place.environment() | environment

    def run(self, *words: str, text: str | None = None) -> str:
        """Return what the program says. Raises AssertionError with its words."""
        done = subprocess.run(
            [str(self._program), *words],
            env={name: value for name, value in self._environment.items() if value},
            input=text or "",
            capture_output=True,
            text=True,
            timeout=STEP_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(words)}: {(done.stderr or done.stdout).strip()[-600:]}"
        return done.stdout

    def step(self, name: str, body: Callable[[], object]) -> None:
        try:
            body()
        except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
            self.steps.append(Step(name, str(error)))
        else:
            self.steps.append(Step(name))
