"""The operation table: one row is route, permission and parameters.        Floor: s3 (pure). Called by: operations.

Law: a record says where each of its fields sits on the wire, once; what a request holds elsewhere never reaches an
operation. A row is compared with the S3 model that botocore ships, by a test.

    class GetObject(msgspec.Struct, frozen=True):
        bucket: Annotated[str, Uri("Bucket")]
        key: Annotated[str, Uri("Key")]
        range: Annotated[str | None, Header("Range")] = None

    @operation("GET", "/{Bucket}/{Key+}", GetObject, action="s3:GetObject")
    async def get_object(call: Call, asked: GetObject) -> Response: ...
"""

import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Final, TypeVar, get_args, get_origin

import msgspec

from mys3d.errors import S3Error
from mys3d.s3 import schema
from mys3d.s3.message import Response
from mys3d.s3.uri import Target

Metadata = tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Uri:
    """`Bucket` or `Key` of the path."""

    name: str


@dataclasses.dataclass(frozen=True, slots=True)
class Query:
    """A pair of the query."""

    name: str


@dataclasses.dataclass(frozen=True, slots=True)
class Header:
    """A header, by its name on the wire."""

    name: str


@dataclasses.dataclass(frozen=True, slots=True)
class PrefixHeaders:
    """Every header whose name starts so, without that start, sorted."""

    prefix: str


@dataclasses.dataclass(frozen=True, slots=True)
class XmlBody:
    """The XML body, by the name of its root element; the field's annotation is its record."""

    root: str
    bytes_max: int
    malformed: str = "MalformedXML"  # what is said of a document that cannot be read


Place = Uri | Query | Header | PrefixHeaders | XmlBody


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """One field of a record, and where it sits."""

    name: str
    place: Place
    kind: object  # str, int, bool, Metadata or a record
    is_required: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One operation as it is built."""

    name: str  # as AWS names it
    method: str
    uri: str
    record: Callable[..., object]
    action: str
    fields: tuple[Field, ...]
    payload: Field | None  # None: no XML body
    headers: Mapping[str, Field]  # that the record holds, by name in lower case
    queries: Mapping[str, Field]
    others: tuple[Field, ...]  # from the path, of several headers, from the body
    required: frozenset[str]  # names of fields
    run: Callable[..., Awaitable[Response]]


class Wire(msgspec.Struct, frozen=True):
    """What the binder reads from: header names in lower case, the first of equal names, everything as text."""

    target: Target
    query: Mapping[str, str]
    headers: Mapping[str, str]


TABLE: Final[dict[str, Row]] = {}

Handler = TypeVar("Handler", bound=Callable[..., Awaitable[Response]])


def operation(method: str, uri: str, record: type[object], *, action: str) -> Callable[[Handler], Handler]:
    """Put the decorated function into the table, under the name of `record`."""

    def enter(run: Handler) -> Handler:
        assert record.__name__ not in TABLE, f"{record.__name__} stands in the table twice"
        fields = _fields(record)
        TABLE[record.__name__] = Row(
            name=record.__name__,
            method=method,
            uri=uri,
            record=record,
            action=action,
            fields=fields,
            payload=next((field for field in fields if isinstance(field.place, XmlBody)), None),
            headers={field.place.name: field for field in fields if isinstance(field.place, Header)},
            queries={field.place.name: field for field in fields if isinstance(field.place, Query)},
            others=tuple(field for field in fields if not isinstance(field.place, Header | Query)),
            required=frozenset(field.name for field in fields if field.is_required),
            run=run,
        )
        return run

    return enter


def bind(row: Row, wire: Wire, payload: object = None) -> object:
    """Build the row's record. Raises S3Error InvalidArgument for a value of the wrong kind.

    A request says few of the fields that an operation knows: it is gone through what it says.
    """
    values: dict[str, object] = {}
    for known, said in ((row.headers, wire.headers), (row.queries, wire.query)):
        for name, text in said.items():
            found = known.get(name)
            if found is not None:
                values[found.name] = text if found.kind is str else _convert(found, name, text)
    for field in row.others:
        value = _value(field.place, wire, payload)
        if value is not None:
            values[field.name] = value
    if not row.required <= values.keys():
        raise _missing(row, values)
    return row.record(**values)


def _value(place: Place, wire: Wire, payload: object) -> object:
    match place:
        case Uri():
            return wire.target.bucket if place.name == "Bucket" else wire.target.key
        case PrefixHeaders():
            return _prefixed(place.prefix, wire.headers)
        case _:
            assert isinstance(place, XmlBody), "headers and queries are found by what was said"
            return payload


def _missing(row: Row, values: Mapping[str, object]) -> S3Error:
    field = next(field for field in row.fields if field.is_required and field.name not in values)
    if isinstance(field.place, XmlBody):
        return S3Error("MissingRequestBodyError")
    return S3Error("InvalidRequest", f"Missing required parameter: {_wire_name(field.place)}")


def _prefixed(prefix: str, headers: Mapping[str, str]) -> Metadata:
    return tuple(sorted([(name[len(prefix) :], text) for name, text in headers.items() if name.startswith(prefix)]))


def _convert(field: Field, name: str, text: str) -> object:
    if field.kind is int:
        if not (text.isascii() and text.isdigit() and len(text) <= 10):
            raise S3Error(
                "InvalidArgument",
                f"Provided {name} not an integer or within integer range",
                ArgumentName=name,
                ArgumentValue=text,
            )
        return int(text)
    assert field.kind is bool
    if text.lower() not in ("true", "false"):
        raise S3Error("InvalidArgument", f"{name} is neither true nor false", ArgumentName=name, ArgumentValue=text)
    return text.lower() == "true"


def _wire_name(place: Place) -> str:
    match place:
        case PrefixHeaders():
            return place.prefix
        case XmlBody():
            return place.root
        case _:
            return place.name


def _fields(record: type[object]) -> tuple[Field, ...]:
    assert issubclass(record, msgspec.Struct), f"{record.__name__} is no struct"
    return tuple(map(_field, msgspec.structs.fields(record)))


def _field(field: msgspec.structs.FieldInfo) -> Field:
    assert get_origin(field.type) is Annotated, f"the field {field.name} has no place on the wire"
    kind, place = get_args(field.type)
    assert isinstance(place, Place)
    if isinstance(place, Header):
        place = Header(place.name.lower())
    return Field(field.name, place, schema.bare(kind), field.required)
