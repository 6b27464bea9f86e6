"""How each kind of value is read.        Floor: config (pure). Called by: the table in settings.py.

Law: a reader returns the value or raises ValueError; the sentence that says what was expected lives in the table.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec

from mys3d import limits

Reader = Callable[[object, bool], Any]  # (value, strict): strict is True for typed sources, False for plain text

PORT_MAX: Final = 65_533  # the admin and peers ports follow the S3 port
_Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]
_LogEntries = Annotated[int, msgspec.Meta(ge=0, le=limits.log_keep_entries_max)]
_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62})")
_REGION: Final = re.compile(r"[a-z0-9-]{1,32}")
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*)|[0-9A-Fa-f:.]+")
_ACCESS_KEY: Final = re.compile(r"[^\s/,=&\"']{3,128}")  # a slash or comma would break the Authorization header
_SECRET_KEY: Final = re.compile(r"[\x21-\x7e]{8,128}")
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")
_UNITS: Final = {
    "": 1, "b": 1,
    "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "pb": 10**15,
    "k": limits.KIB, "m": limits.MIB, "g": limits.GIB, "t": limits.TIB,
    "kib": limits.KIB, "mib": limits.MIB, "gib": limits.GIB, "tib": limits.TIB, "pib": 1024 * limits.TIB,
}  # fmt: skip
WRITE_QUORUMS: Final = ("majority", "all")
LOG_LEVELS: Final = ("debug", "info", "warning", "error")
BULKS: Final = ("tls", "plain")


def read_text(value: object, strict: bool) -> str:
    text: str = msgspec.convert(value, Annotated[str, msgspec.Meta(min_length=1)], strict=strict)
    return text


def read_port(value: object, strict: bool) -> int:
    return msgspec.convert(value, _Port, strict=strict)


def read_first_port(value: object, strict: bool) -> int:
    port = read_port(value, strict)
    if port > PORT_MAX:
        raise ValueError("two more ports follow")
    return port


def read_log_entries(value: object, strict: bool) -> int:
    return msgspec.convert(value, _LogEntries, strict=strict)


def read_path(value: object, strict: bool) -> Path:
    return Path(read_text(value, strict)).expanduser()


def read_size(value: object, strict: bool) -> int:
    """`2TB` is decimal, `500GiB` and `500G` are binary, a number is bytes."""
    found = msgspec.convert(value, int | str, strict=strict)
    match = _SIZE.fullmatch(str(found).strip())
    factor = _UNITS.get(match[2].lower()) if match else None
    if match is None or factor is None or float(match[1]) <= 0:
        raise ValueError("not a size")
    return int(float(match[1]) * factor) if "." in match[1] else int(match[1]) * factor


def read_blobs(value: object, strict: bool) -> tuple[tuple[Path, int | None], ...]:
    """Paths, each with `=SIZE` behind it or not: a list, or one text with commas between them."""
    found = value if isinstance(value, list) else read_text(value, strict).split(",")
    folders = [_read_folder(text) for text in found]
    if not folders or len({path for path, _ in folders}) < len(folders):
        raise ValueError("none, or one twice")
    return tuple(folders)


def _read_folder(text: object) -> tuple[Path, int | None]:
    path, separator, size = read_text(text, True).strip().partition("=")
    if not path.strip():
        raise ValueError("no path")
    return Path(path.strip()).expanduser(), read_size(size, False) if separator else None


def read_host(value: object, strict: bool) -> str:
    return _matching(_HOST, read_text(value, strict).removeprefix("[").removesuffix("]"))


def read_domains(value: object, strict: bool) -> tuple[str, ...]:
    """Host names, the longest first, so that one may be part of another: a list, or one text with commas between."""
    found = value if isinstance(value, list) else read_text(value, strict).split(",")
    names = [_matching(_HOST, read_text(text, True).strip().lower()) for text in found]
    if not names or len(set(names)) < len(names):
        raise ValueError("none, or one twice")
    return tuple(sorted(names, key=lambda name: (-len(name), name)))


def read_name(value: object, strict: bool) -> str:
    return _matching(_NAME, read_text(value, strict))


def read_region(value: object, strict: bool) -> str:
    return _matching(_REGION, read_text(value, strict))


def read_access_key(value: object, strict: bool) -> str:
    return _matching(_ACCESS_KEY, read_text(value, strict))


def read_secret_key(value: object, strict: bool) -> str:
    return _matching(_SECRET_KEY, read_text(value, strict))


def read_endpoint(value: object, strict: bool) -> str:
    """A URL without path. The ancestor's users wrote `host` or `host:port`: http is meant."""
    text = read_text(value, strict)
    parts = urlsplit(text if "://" in text else f"http://{text}")
    _ = parts.port  # raises ValueError unless it is a port
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError("not an endpoint")
    if parts.query or parts.fragment or parts.username:
        raise ValueError("not an endpoint")
    _matching(_HOST, parts.hostname)
    return f"{parts.scheme}://{parts.netloc}"


def read_log_level(value: object, strict: bool) -> str:
    return _one_of(LOG_LEVELS, value, strict, "not a level")


def read_bulk(value: object, strict: bool) -> str:
    return _one_of(BULKS, value, strict, "not a way to send bulk")


def read_write_quorum(value: object, strict: bool) -> str:
    return _one_of(WRITE_QUORUMS, value, strict, "not a quorum")


def read_straggler(value: object, strict: bool) -> int:
    found: int = msgspec.convert(value, Annotated[int, msgspec.Meta(ge=1, le=limits.straggler_ms_max)], strict=strict)
    return found


def read_gc_period(value: object, strict: bool) -> int:
    bounds = msgspec.Meta(ge=limits.gc_period_ms_min, le=limits.gc_period_ms_max)
    found: int = msgspec.convert(value, Annotated[int, bounds], strict=strict)
    return found


def read_dead_after(value: object, strict: bool) -> int:
    bounds = msgspec.Meta(ge=limits.dead_after_ms_min, le=limits.dead_after_ms_max)
    found: int = msgspec.convert(value, Annotated[int, bounds], strict=strict)
    return found


def _one_of(words: tuple[str, ...], value: object, strict: bool, otherwise: str) -> str:
    word = read_text(value, strict).lower()
    if word not in words:
        raise ValueError(otherwise)
    return word


def _matching(pattern: re.Pattern[str], text: str) -> str:
    if pattern.fullmatch(text) is None:
        raise ValueError("does not match")
    return text
