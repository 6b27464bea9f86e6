"""The report as JSON: everything that was measured, on what, and how it was asked for.        Floor: bench.

Called by: cli, compare. Law: the file of an older run is either read whole or refused by name; its format is numbered.
"""

import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from mys3d import __version__
from mys3d.bench.figures import Measured
from mys3d.bench.target import Target

FORMAT: Final = 2


class TargetFacts(msgspec.Struct, frozen=True):
    """A target as the report tells it; never its keys."""

    name: str
    endpoints: list[str]
    servers: list[str]  # processes whose CPU was counted
    software: str  # what it calls itself, if it does


class Document(msgspec.Struct, frozen=True):
    """One run."""

    format: int
    started_at: str
    machine: dict[str, str | int]
    software: dict[str, str]
    settings: dict[str, object]
    targets: list[TargetFacts]
    rows: list[Measured]


def document_of(
    rows: list[Measured],
    targets: Sequence[tuple[Target, str]],
    settings: dict[str, object],
    started_at: str,
) -> Document:
    """`targets`: each with what it calls itself."""
    facts = [
        TargetFacts(target.name, [target.url_of(endpoint) for endpoint in target.endpoints], list(target.pids), words)
        for target, words in targets
    ]
    software = {"mys3d": __version__, "python": sys.version.split()[0]}
    return Document(FORMAT, started_at, machine(), software, settings, facts, rows)


def machine() -> dict[str, str | int]:
    """What this machine is."""
    return {
        "cpu": _cpu_model(),
        "cpus": os.cpu_count() or 0,
        "memory_gib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30,
        "kernel": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
    }


def encode(document: object) -> bytes:
    """As JSON for people and programs."""
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"


def read(path: Path) -> Document:
    """Read the JSON of an earlier run. Raises ValueError naming the file, OSError."""
    text = path.read_bytes()
    try:
        found = msgspec.json.decode(text, type=dict[str, object])
        if found.get("format") != FORMAT:
            raise ValueError(f"expected format {FORMAT}, found {found.get('format')}")
        return msgspec.json.decode(text, type=Document)
    except (ValueError, msgspec.MsgspecError) as error:
        raise ValueError(f"{path} is no result of mys3d bench: {error}") from error


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
