"""Where a damaged registry goes.        Floor: composition root. Called by: life.

Law: nothing damaged is deleted before it was kept aside for a rescuer, and nothing is kept without bound: the newest
`limits.quarantined_stores_max` stay. A store that is damaged again and again means a failing disk: that stops the node.
"""

import os
import shutil
from pathlib import Path
from typing import Final

import structlog

from mys3d import limits
from mys3d.errors import Unavailable
from mys3d.model.names import Instant

PREFIX: Final = "damaged-"
_FIRST: Final = "GENERATION"  # without it nothing else here is believed to be the registry

log = structlog.get_logger("mys3d.node")


def put_aside(registry: Path, why: str, now: Instant) -> Path:
    """Move everything in `registry` into a directory of its own there, and return it; the next open begins empty.

    Raises Unavailable, having moved nothing, when the disk seems to fail. An interrupted move is finished by the next.
    """
    kept = quarantined(registry)
    recent = [place for place in kept if now - _instant(place) < limits.quarantine_period_ms]
    if len(recent) >= limits.quarantined_stores_max:
        advice = f"replace its disk; what was damaged is kept in {registry}"
        raise Unavailable(f"{why}; this happened {len(recent) + 1} times within an hour: {advice}")
    place = registry / f"{PREFIX}{now}"
    place.mkdir(mode=0o700)
    for name in sorted(os.listdir(registry), key=lambda name: (name != _FIRST, name)):
        if not name.startswith(PREFIX):
            (registry / name).rename(place / name)
    _sync(registry)
    for old in kept[: len(kept) + 1 - limits.quarantined_stores_max]:
        shutil.rmtree(old)
    log.error("the damaged registry was put aside and is made anew", why=why, place=str(place))
    return place


def quarantined(registry: Path) -> list[Path]:
    """The damaged stores kept there, oldest first."""
    return sorted(registry.glob(f"{PREFIX}*"), key=_instant)


def _instant(place: Path) -> int:
    digits = place.name.removeprefix(PREFIX)
    return int(digits) if digits.isdigit() else 0


def _sync(directory: Path) -> None:
    opened = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
