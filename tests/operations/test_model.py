"""Every row of the operation table against the S3 model that botocore ships."""

from typing import Any

import botocore.session
import pytest

from mys3d.operations import dispatch
from mys3d.s3.router import NAMES
from mys3d.s3.table import TABLE, Field, Header, PrefixHeaders, Query, Row, Uri, XmlBody

MODEL = botocore.session.get_session().get_service_model("s3")
ROWS = list(TABLE.values())
PLACES = {"uri": Uri, "querystring": Query, "header": Header, "headers": PrefixHeaders}
BUILT = {
    "ListBuckets",
    "CreateBucket",
    "HeadBucket",
    "DeleteBucket",
    "GetBucketLocation",
    "PutObject",
    "GetObject",
    "HeadObject",
    "DeleteObject",
    "DeleteObjects",
    "ListObjects",
    "ListObjectsV2",
}


def members(row: Row) -> dict[tuple[type, str], str]:
    """Where the model puts each member: (place, name on the wire) -> its name."""
    shape: Any = MODEL.operation_model(row.name).input_shape
    found: dict[tuple[type, str], str] = {}
    for name, member in shape.members.items():
        location = member.serialization.get("location")
        wire = member.serialization.get("name", name)
        place = PLACES.get(location, XmlBody)
        found[place, wire.lower() if place in (Header, PrefixHeaders) else wire] = name
    return found


def where(field: Field) -> tuple[type, str]:
    match field.place:
        case PrefixHeaders():
            return PrefixHeaders, field.place.prefix
        case XmlBody():
            return XmlBody, field.place.root
        case _:
            return type(field.place), field.place.name


def test_what_this_release_promises_is_built() -> None:
    assert {module.__name__.rpartition(".")[2] for module in dispatch.FAMILIES} >= {"buckets", "objects", "listings"}
    assert set(TABLE) == BUILT
    assert set(TABLE) <= NAMES


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_has_the_method_and_path_of_the_model(row: Row) -> None:
    http = MODEL.operation_model(row.name).http
    assert (http["method"], http["requestUri"]) == (row.method, row.uri)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_field_sits_where_the_model_puts_it(row: Row) -> None:
    known = members(row)
    assert [where(field) for field in row.fields if where(field) not in known] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_the_model_requires_is_required(row: Row) -> None:
    shape: Any = MODEL.operation_model(row.name).input_shape
    required = {where(field) for field in row.fields if field.is_required}
    names = {member: place for place, member in members(row).items()}
    assert {names[name] for name in shape.required_members} <= required


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_handler_is_named_after_its_operation(row: Row) -> None:
    assert row.run.__name__.replace("_", "").removesuffix("v1") == row.name.lower()
    assert row.action.startswith("s3:")
