"""docs/s3-compatibility.md: the operation table, held against the S3 model that botocore ships, as a page.

`make docs` writes it; test_compatibility.py fails while the page says something else than the table.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session

from mys3d.operations import dispatch
from mys3d.operations.refusals import FIXED, HEEDED, IGNORED, REFUSED
from mys3d.s3.router import ROUTES
from mys3d.s3.table import TABLE, Field, Header, PrefixHeaders, Query, Row, Uri, XmlBody

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "s3-compatibility.md"
YARDSTICK = ROOT / "docs" / "yardstick.json"
MODEL = botocore.session.get_session().get_service_model("s3")
assert dispatch.FAMILIES, "importing dispatch fills the table"

PLACES = {"uri": Uri, "querystring": Query, "header": Header, "headers": PrefixHeaders}

# Read for every request that has a body, before its operation runs: s3/promises.py, s3/checksums.py.
PROMISES = frozenset({"content-length", "content-md5", "x-amz-sdk-checksum-algorithm"})
CHECKSUM = "x-amz-checksum-"

FAMILIES = {
    "x-amz-server-side-encryption": "encryption",
    "x-amz-copy-source-server-side-encryption": "encryption",
    "x-amz-object-lock-": "object lock",
}

Place = tuple[type, str]

_HEAD = """# S3 compatibility

Written by `make docs` from the operation table and the S3 model of botocore; do not edit.

## Operations

Every operation of S3 that a general purpose bucket knows. One that is not built answers 501 `NotImplemented`. Where it
is built, every parameter of the model is obeyed but those in the last column, which the next table explains.

| operation | request | built | parameters that are not obeyed |
|---|---|---|---|
"""

_HEADERS = """
## Parameters that are not obeyed

| header | what happens |
|---|---|
"""

_AREAS = """
## s3-tests

{suite}, revision `{revision}`, against a cluster of three nodes. A skipped test did not pass.

| area | passed | failed | skipped |
|---|---:|---:|---:|
"""


def members(row: Row) -> dict[Place, str]:
    """Where the model puts each member of an operation's input: (place, name on the wire) -> its name."""
    shape: Any = MODEL.operation_model(row.name).input_shape
    found: dict[Place, str] = {}
    for name, member in shape.members.items():
        place = PLACES.get(member.serialization.get("location"), XmlBody)
        wire = member.serialization.get("name", name)
        found[place, wire.lower() if place in (Header, PrefixHeaders) else wire] = name
    return found


def where(field: Field) -> Place:
    match field.place:
        case PrefixHeaders():
            return PrefixHeaders, field.place.prefix
        case XmlBody():
            return XmlBody, field.place.root
        case _:
            return type(field.place), field.place.name


def unobeyed(row: Row) -> list[Place]:
    """The members of an operation that its record does not hold and that are not read with every bucket or body."""
    fields = {where(field) for field in row.fields}
    missing = [place for place in members(row) if place not in fields and not _is_promise(row, place)]
    return [place for place in missing if place[0] is not Header or place[1] not in HEEDED]


def _is_promise(row: Row, place: Place) -> bool:
    kind, name = place
    if row.method not in ("PUT", "POST"):
        return False
    if kind is XmlBody:
        shape: Any = MODEL.operation_model(row.name).input_shape
        return bool(shape.members[members(row)[place]].serialization.get("streaming"))
    is_checksum = name.startswith(CHECKSUM) and name not in ("x-amz-checksum-algorithm", "x-amz-checksum-type")
    return kind is Header and (name in PROMISES or is_checksum)


def page() -> str:
    return "".join([_HEAD, *_operations(), _HEADERS, *_headers(), *_areas()])


def _operations() -> Iterator[str]:
    for route in ROUTES:
        row = TABLE.get(route.name)
        missing = () if row is None or route.name not in MODEL.operation_names else unobeyed(row)
        families = dict.fromkeys(_family(name) for _, name in missing)
        built = "no" if row is None else "yes"
        yield f"| {route.name} | `{route.method} {_uri(route.name)}` | {built} | {', '.join(families)} |\n"


def _family(header: str) -> str:
    """What a header is about, or itself: an operation of objects has ten headers for encryption alone."""
    return next((family for start, family in FAMILIES.items() if header.startswith(start)), f"`{header}`")


def _uri(name: str) -> str:
    if name not in MODEL.operation_names:
        return "/{Bucket}"  # PostObject: a form, which the model does not describe
    return str(MODEL.operation_model(name).http["requestUri"])


def _headers() -> Iterator[str]:
    for family in sorted(dict.fromkeys(map(_family, sorted(REFUSED)))):
        names = ", ".join(f"`{name}`" for name in sorted(REFUSED) if _family(name) == family)
        yield f"| {names} | refused: 501 `NotImplemented` |\n"
    for name, values in sorted(FIXED.items()):
        told = ", ".join(f"`{value}`" for value in sorted(values))
        yield f"| `{name}` | accepted as {told}, which is so anyway; anything else is refused |\n"
    yield from (f"| `{name}` | ignored: {why} |\n" for name, why in sorted(IGNORED.items()))


def _areas() -> Iterator[str]:
    if not YARDSTICK.exists():
        return
    found = json.loads(YARDSTICK.read_text())
    yield _AREAS.format(suite=found["suite"], revision=found["revision"])
    for area, counts in sorted(found["areas"].items()):
        yield f"| {area} | {counts['passed']} | {counts['failed']} | {counts['skipped']} |\n"


if __name__ == "__main__":
    PAGE.write_text(page())
