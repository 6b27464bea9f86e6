"""`mys3d bench`: measure this cluster, and others beside it.        Floor: top. Called by: root, the scripts in bench/.

Law: a run with errors fails unless they were allowed, and what was known when a run broke off is reported all the same.
"""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from mys3d.bench import charts, compare, document, report
from mys3d.bench.body import BodyMode
from mys3d.bench.catalogue import KINDS
from mys3d.bench.figures import Measured, Row, measured_of
from mys3d.bench.prepare import software_of
from mys3d.bench.run import Settings, run_all
from mys3d.bench.sizes import size_text
from mys3d.bench.table import as_markdown
from mys3d.bench.target import Target
from mys3d.cli.bench_kill import kill_node_command
from mys3d.cli.bench_progress import Progress
from mys3d.cli.bench_servers import local_target, served
from mys3d.cli.bench_targets import Givers, of_directory, refuse_twins, target_of, trust_of
from mys3d.cli.bench_words import with_load, with_report, with_targets
from mys3d.cli.configuration import data_directory
from mys3d.cli.failure import Exit, Failure, as_failures
from mys3d.errors import Unavailable

LOCAL_NODES_COUNT = 3
_SLICES_COUNT = 8  # unless another interleave is asked for
_ERRORS_TOLD_MAX = 5


@click.group()
def bench() -> None:
    """Measure this cluster, and other S3 stores beside it.

    Without --target, --local or --serve it measures the running `mys3d dev` of the data directory.
    """


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options say of targets and of the report."""

    targets: tuple[str, ...]
    local: bool
    serve: tuple[str, ...]
    keys: tuple[str, ...]
    pids: tuple[str, ...]
    ca: Path | None
    insecure: bool
    bucket: str
    region: str
    out: Path | None
    compare: Path | None
    tolerance: float
    allow_errors: bool
    quiet: bool


def measuring(operations: tuple[str, ...], about: str, concurrency: tuple[int, ...], duration: float) -> click.Command:
    """Make the command that measures these operations."""

    @click.command(name="_".join(operations).replace("_", "-"), help=f"Measure: {about}.")
    @with_targets
    @with_load
    @with_report
    @click.pass_context
    def command(context: click.Context, /, **words: Any) -> None:
        settings = settings_of(operations, words, concurrency, duration)
        wanted = Wanted(**{name: words[name] for name in Wanted.__dataclass_fields__})
        context.exit(run_bench(settings, wanted))

    return command


def settings_of(
    operations: tuple[str, ...], words: dict[str, Any], concurrency: tuple[int, ...], duration: float
) -> Settings:
    """Refuse what does not go together; fill in what was not said."""
    if words["rate"] is not None:
        for operation in operations:
            if not KINDS[operation].can_be_paced:
                paced = ", ".join(name for name, kind in KINDS.items() if kind.can_be_paced)
                raise Failure(f"--rate: {operation} cannot be paced", f"these can: {paced}", Exit.USAGE)
        if words["autotune"]:
            raise Failure("--rate and --autotune exclude each other", "", Exit.USAGE)
    if words["sizes"] and all(KINDS[operation].sizes == (0,) for operation in operations):
        raise Failure(f"--sizes: {operations[0]} has no sizes to choose", "", Exit.USAGE)
    duration = words["duration"] or duration
    return Settings(
        operations=operations,
        sizes=words["sizes"] or (),
        concurrency=words["concurrency"] or concurrency,
        duration=duration,
        interleave=min(duration, words["interleave"] or duration / _SLICES_COUNT),
        objects=words["objects"],
        part_bytes=words["part_size"],
        body=BodyMode(words["body"]),
        rate=words["rate"],
        autotune=words["autotune"],
        autoterm=words["autoterm"],
        keeps_objects=words["keep"],
    )


def run_bench(settings: Settings, wanted: Wanted) -> Exit:
    """Measure and report. Ends the command when something is missing."""
    before = None if wanted.compare is None else _earlier(wanted.compare)
    started_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    rows: list[Row] = []
    with as_failures(Unavailable), _all_targets(wanted) as targets:
        software = [(target, software_of(target)) for target in targets]
        try:
            with Progress(wanted.quiet) as progress:
                rows.extend(run_all(targets, settings, progress))
        finally:
            if rows:
                measured = measured_of(rows)
                facts = document.document_of(measured, software, _settings_facts(settings), started_at)
                _report(facts, wanted)
    _refuse_errors(measured, wanted)
    return Exit.OK if before is None else _compared(before, measured, wanted.tolerance)


@contextmanager
def _all_targets(wanted: Wanted) -> Iterator[list[Target]]:
    """The local cluster first, then those that run, then those that are started for this run."""
    trust = trust_of(wanted.ca, wanted.insecure)
    givers = Givers(wanted.keys, wanted.pids, wanted.region, os.environ, trust)
    with ExitStack() as stack:
        targets: list[Target] = []
        if wanted.local:
            targets.append(stack.enter_context(local_target(LOCAL_NODES_COUNT, wanted.bucket)))
        targets += [target_of(text, givers, wanted.bucket) for text in wanted.targets]
        targets += [stack.enter_context(served(text, givers, wanted.bucket)) for text in wanted.serve]
        if not targets:
            targets = [of_directory("mys3d", data_directory(None), wanted.bucket)]
        refuse_twins(targets, givers)
        yield targets


def _report(facts: document.Document, wanted: Wanted) -> None:
    click.echo(as_markdown(facts.rows))
    if wanted.out is not None:
        for path in report.write(facts, wanted.out):
            click.echo(f"wrote {path}", err=True)
        if not charts.has_matplotlib():
            click.echo("no charts: they need matplotlib, pip install 'mys3d[bench]'", err=True)


def _refuse_errors(rows: Sequence[Measured], wanted: Wanted) -> None:
    failed = [measured for measured in rows if measured.figures.errors_count]
    if not failed or wanted.allow_errors:
        return
    lines = []
    for row in [measured.row for measured in failed][:_ERRORS_TOLD_MAX]:
        what = ", ".join(f"{count} times {error}" for error, count in row.errors.items())
        lines.append(f"{row.operation} {size_text(row.size_bytes)} x {row.concurrency} on {row.target}: {what}")
    raise Failure("requests failed\n" + "\n".join(lines), "--allow-errors lets them pass", Exit.FAILED)


def _earlier(path: Path) -> document.Document:
    try:
        return document.read(path)
    except ValueError as error:
        raise Failure(str(error), "give it the result.json of an earlier run", Exit.USAGE) from error


def _compared(before: document.Document, rows: Sequence[Measured], tolerance: float) -> Exit:
    found = compare.changes(before.rows, rows, tolerance)
    if not found:
        raise Failure("the two runs have no load in common", "repeat it with the same options", Exit.FAILED)
    for line in compare.as_lines(found):
        click.echo(line)
    return Exit.DEGRADED if any(change.is_worse for change in found) else Exit.OK


def _settings_facts(settings: Settings) -> dict[str, object]:
    facts = {name: getattr(settings, name) for name in Settings.__dataclass_fields__}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in facts.items()}


for _name, _kind in KINDS.items():
    bench.add_command(measuring((_name,), _kind.about, (1, 32), 24.0))
bench.add_command(kill_node_command)
bench.add_command(measuring(tuple(KINDS), "all of them, shorter, in one report", (16,), 12.0), "suite")


def script(name: str) -> None:
    """What `python -m bench.NAME` runs: the same command, with the words behind it."""
    from mys3d.cli.root import root

    root([*("bench", name), *sys.argv[1:]], prog_name="mys3d")
