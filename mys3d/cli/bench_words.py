"""The options of `mys3d bench`, and what they may say.        Floor: top. Called by: bench_commands, bench_kill.

Law: a wrong value is refused before anything starts, with what was expected and what was found.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from mys3d.bench.body import BodyMode
from mys3d.bench.sizes import parse_seconds, parse_share, parse_size

CONCURRENCY_MAX: Final = 900  # the open loop waits with select(2), which knows 1,024 descriptors
RATE_MAX: Final = 100_000.0  # a second; one process sends half as many at most
OBJECTS_MAX: Final = 1_000_000
PART_BYTES_MIN: Final = 5 << 20  # S3 UserGuide, multipart upload limits

_Command = TypeVar("_Command", bound=Callable[..., Any])


class Parsed(click.ParamType[Any]):
    """A value that a function reads; its ValueError says what was expected."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def parse_concurrency(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= CONCURRENCY_MAX:
        raise ValueError(f"expected a number of connections from 1 to {CONCURRENCY_MAX}, found {text!r}")
    return int(text)


def parse_rate(text: str) -> float:
    try:
        rate = float(text.removesuffix("/s"))
    except ValueError:
        rate = 0.0
    if not 0 < rate <= RATE_MAX:
        raise ValueError(f"expected requests a second up to {RATE_MAX:,.0f}, found {text!r}")
    return rate


def parse_part(text: str) -> int:
    size = parse_size(text)
    if size < PART_BYTES_MIN:
        raise ValueError(f"expected parts of 5M or more, found {text!r}")
    return size


def listed(parse: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    """`A,B` by what reads one."""
    return lambda text: tuple(parse(word) for word in text.split(","))


SIZE: Final = Parsed("size", parse_size)
SECONDS: Final = Parsed("time", parse_seconds)
SHARE: Final = Parsed("share", parse_share)

_TARGETS: Final = (
    click.option(
        "--target",
        "targets",
        multiple=True,
        metavar="NAME=PLACE",
        help="A store: http[s]://HOST:PORT (several with commas), a ready file or a data directory of `mys3d dev`.",
    ),
    click.option("--local", is_flag=True, help="A fresh cluster of three nodes, for this run only, as target mys3d."),
    click.option(
        "--serve",
        multiple=True,
        metavar="NAME=COMMAND",
        help="Start a store for this run; {port} and {dir} stand for a free port and an empty directory.",
    ),
    click.option(
        "--keys",
        multiple=True,
        metavar="NAME=ACCESS:SECRET",
        help="Keys of a target; better in BENCH_KEYS_NAME, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
    ),
    click.option(
        "--pids",
        multiple=True,
        metavar="NAME=PID,PID",
        help="Processes of a target whose CPU is counted [on this machine: who listens on its ports].",
    ),
    click.option(
        "--ca",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Authorities in PEM to trust instead of the system's, for targets at https://.",
    ),
    click.option("--insecure", is_flag=True, help="Any certificate of a target at https:// will do."),
    click.option("--bucket", default="bench", show_default=True, help="Created when it is not there."),
    click.option("--region", default="us-east-1", show_default=True),
)

_LOAD: Final = (
    click.option("--sizes", type=Parsed("sizes", listed(parse_size)), help="Of objects: 4K,1M [by operation]."),
    click.option(
        "--concurrency",
        type=Parsed("numbers", listed(parse_concurrency)),
        help="Connections to each target: 1,32 [1,32; suite: 16].",
    ),
    click.option("--duration", type=SECONDS, help="Of each combination on each target [24s; suite: 12s]."),
    click.option("--interleave", type=SECONDS, help="Of one slice; targets take turns [an eighth of the duration]."),
    click.option("--objects", type=click.IntRange(8, OBJECTS_MAX), default=1000, show_default=True, help="Prepared."),
    click.option(
        "--body",
        type=click.Choice([str(mode) for mode in BodyMode]),
        default=str(BodyMode.UNSIGNED),
        show_default=True,
        help="How uploads prove their bytes; chunked: aws-chunked with CRC32, as AWS's clients do.",
    ),
    click.option("--part-size", type=Parsed("size", parse_part), default="5M", show_default=True, help="Of multipart."),
    click.option("--rate", type=Parsed("rate", parse_rate), help="Requests a second; latency counts from when due."),
    click.option("--autotune", is_flag=True, help="Double the connections while that brings 3 % or more."),
    click.option("--autoterm", type=SHARE, help="Stop early when all ops/s are known so well: 5%."),
)

_REPORT: Final = (
    click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="result.json, table.md, report.html."),
    click.option(
        "--compare",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="result.json of an earlier run; exit code 8 when this one is worse.",
    ),
    click.option("--tolerance", type=SHARE, default="5%", show_default=True, help="What --compare lets pass."),
    click.option("--allow-errors", is_flag=True, help="Failed requests do not fail the run."),
    click.option("--keep", is_flag=True, help="Do not delete what the bench wrote."),
    click.option("--quiet", is_flag=True, help="Print the table alone."),
)


def with_targets(command: _Command) -> _Command:
    return _with(_TARGETS, command)


def with_load(command: _Command) -> _Command:
    return _with(_LOAD, command)


def with_report(command: _Command) -> _Command:
    return _with(_REPORT, command)


def _with(options: tuple[Callable[[_Command], _Command], ...], command: _Command) -> _Command:
    for option in reversed(options):
        command = option(command)
    return command
