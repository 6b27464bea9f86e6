"""What a person sees while a bench runs.        Floor: top. Called by: bench_commands.

Law: a bar is drawn on a terminal only; what has to be known stands in the report as well.
"""

import sys
from types import TracebackType
from typing import Any

import click


class Progress:
    """A bar over all slices of a run, and sentences above it."""

    def __init__(self, is_quiet: bool) -> None:
        self._is_quiet = is_quiet
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> "Progress":
        if sys.stderr.isatty() and not self._is_quiet:
            from rich import progress
            from rich.console import Console

            columns = (progress.BarColumn(), progress.MofNCompleteColumn(), progress.TimeRemainingColumn())
            words = progress.TextColumn("{task.description}")
            # Drawn twice a second by a thread of its own: hardly anything beside what is measured.
            self._bar = progress.Progress(*columns, words, console=Console(stderr=True), refresh_per_second=2)
            self._task = self._bar.add_task("starting", total=None)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def expects(self, slices_count: int) -> None:
        if self._bar is not None:
            self._bar.update(self._task, total=slices_count)

    def measures(self, what: str) -> None:
        if self._bar is not None:
            self._bar.update(self._task, description=what, advance=1)

    def tells(self, sentence: str) -> None:
        if self._bar is not None:
            self._bar.console.print(sentence, highlight=False, markup=False)
        elif not self._is_quiet:
            click.echo(sentence, err=True)
