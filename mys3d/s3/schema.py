"""XML documents as frozen records.        Floor: s3 (pure). Called by: table, operations.

Law: white space between elements means nothing and every byte of a leaf means something; an element that the record
does not know, or that stands twice where one is expected, makes the document malformed.

A record is a frozen dataclass. Each field is annotated `Annotated[X, Element("Name")]`, where X is `str`, `int`,
`bool`, a record, or `tuple[..., ...]` of one of these for repeated elements; a default means "may be absent". An
`Attribute("name")` in the place of an element is read from the start tag; attributes that no field names are ignored.
"""

import dataclasses
import types
from collections.abc import Callable, Mapping
from typing import Annotated, Final, TypeVar, get_args, get_origin, get_type_hints

from mys3d.errors import S3Error
from mys3d.s3.xml import Node, Tree

Record = TypeVar("Record")


@dataclasses.dataclass(frozen=True, slots=True)
class Element:
    """The name of the element that a field holds."""

    name: str


@dataclasses.dataclass(frozen=True, slots=True)
class Attribute(Element):
    """The name of the attribute that a field holds."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Slot:
    field: str
    is_repeated: bool
    is_required: bool
    read: Callable[[Node], object]


def read(record: type[Record], tree: Tree) -> Record:
    """Build `record` of the tree below its element. Raises S3Error MalformedXML."""
    slots = _slots(record)
    values: dict[str, object] = {}
    for name, node in tree.items():
        if name.startswith("@") and name not in slots:
            continue
        if name == "#text":
            _refuse_text(node)
            continue
        slot = slots.get(name)
        if slot is None or (isinstance(node, list) and not slot.is_repeated):
            raise S3Error("MalformedXML")
        if slot.is_repeated:
            values[slot.field] = tuple(map(slot.read, node if isinstance(node, list) else [node]))
        else:
            values[slot.field] = slot.read(node)
    if any(slot.is_required and slot.field not in values for slot in slots.values()):
        raise S3Error("MalformedXML")
    return record(**values)


def elements(record: type[object]) -> dict[str, object]:
    """The elements that `record` knows, and what each of them, or each repetition, is read as."""
    assert dataclasses.is_dataclass(record)
    found: dict[str, object] = {}
    for hint in get_type_hints(record, include_extras=True).values():
        kind, place = get_args(hint)
        kind = bare(kind)
        found[place.name] = get_args(kind)[0] if get_origin(kind) is tuple else kind
    return found


def _refuse_text(node: Node) -> None:
    pieces = node if isinstance(node, list) else [node]
    if any(not isinstance(piece, str) or piece.strip() for piece in pieces):
        raise S3Error("MalformedXML")


_SLOTS: Final[dict[type[object], Mapping[str, _Slot]]] = {}  # one entry per record class of the program


def _slots(record: type[object]) -> Mapping[str, _Slot]:
    if record not in _SLOTS:
        _SLOTS[record] = _survey(record)
    return _SLOTS[record]


def _survey(record: type[object]) -> Mapping[str, _Slot]:
    assert dataclasses.is_dataclass(record)
    hints = get_type_hints(record, include_extras=True)
    return dict(_slot(field.name, hints[field.name], is_required(field)) for field in dataclasses.fields(record))


def is_required(field: "dataclasses.Field[object]") -> bool:
    """True when a record cannot be made without the field."""
    return field.default is dataclasses.MISSING


def _slot(field: str, hint: object, required: bool) -> tuple[str, _Slot]:
    assert get_origin(hint) is Annotated, f"the field {field} has no place on the wire"
    kind, place = get_args(hint)
    assert isinstance(place, Element)
    kind = bare(kind)
    is_repeated = get_origin(kind) is tuple
    if is_repeated:
        kind = get_args(kind)[0]
    name = f"@{place.name}" if isinstance(place, Attribute) else place.name
    return name, _Slot(field, is_repeated, required, _reader(kind))


def bare(hint: object) -> object:
    """Return `X` of `X | None`, and any other annotation unchanged."""
    if isinstance(hint, types.UnionType):
        return next(part for part in get_args(hint) if part is not type(None))
    return hint


def _reader(kind: object) -> Callable[[Node], object]:
    if kind is str:
        return _text
    if kind is int:
        return _integer
    if kind is bool:
        return _boolean
    assert isinstance(kind, type)
    return lambda node: read(kind, _container(node))


def _container(node: Node) -> Tree:
    if isinstance(node, Mapping):
        return node
    return {"#text": node or ""}


def _text(node: Node) -> str:
    if node is None:
        return ""
    if isinstance(node, Mapping):  # a leaf with attributes
        if any(not name.startswith("@") and name != "#text" for name in node):
            raise S3Error("MalformedXML")
        return _text(node.get("#text"))
    if isinstance(node, list):
        raise S3Error("MalformedXML")
    return node


def _integer(node: Node) -> int:
    text = _text(node).strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise S3Error("MalformedXML")
    return int(text)


def _boolean(node: Node) -> bool:
    text = _text(node).strip().lower()
    if text not in ("true", "false", "1", "0"):
        raise S3Error("MalformedXML")
    return text in ("true", "1")
