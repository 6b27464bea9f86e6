"""Sizes, times and shares as they are typed and shown.        Floor: bench (pure). Called by: cli, run, table."""

import re
from typing import Final

SIZE_MAX: Final = 5 << 30  # S3 UserGuide: an object uploaded in one PUT
SECONDS_MAX: Final = 600.0  # signatures are good for 15 minutes
_UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_TIMES: Final = {"ms": 1e-3, "s": 1.0, "": 1.0, "m": 60.0}


def parse_size(text: str) -> int:
    """`4K` -> 4096. Raises ValueError."""
    found = re.fullmatch(r"(\d{1,12})([KMG]?)", text.strip().upper())
    size = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 1 <= size <= SIZE_MAX:
        raise ValueError(f"expected a size from 1 to 5G such as 4K or 1M, found {text!r}")
    return size


def size_text(size: int) -> str:
    for unit in "GMK":
        if size >= _UNITS[unit] and size % _UNITS[unit] == 0:
            return f"{size // _UNITS[unit]}{unit}"
    return str(size) if size else "-"


def parse_seconds(text: str) -> float:
    """`500ms`, `10s`, `10` or `2m` -> seconds. Raises ValueError."""
    found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)(ms|s|m|)", text.strip().lower())
    seconds = float(found[1]) * _TIMES[found[2]] if found else 0.0
    if not 0 < seconds <= SECONDS_MAX:
        raise ValueError(f"expected a time up to {SECONDS_MAX:.0f}s such as 500ms, 10s or 2m, found {text!r}")
    return seconds


def parse_share(text: str) -> float:
    """`5%` or `5` -> 0.05. Raises ValueError."""
    found = re.fullmatch(r"(\d{1,3}(?:\.\d{1,6})?)%?", text.strip())
    share = float(found[1]) / 100 if found else 0.0
    if not 0 < share <= 1:
        raise ValueError(f"expected a share up to 100% such as 5%, found {text!r}")
    return share
