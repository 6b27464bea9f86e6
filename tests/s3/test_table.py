"""The binder: from the wire to a record."""

from typing import Annotated

import msgspec
import pytest

from mys3d.errors import S3Error
from mys3d.s3 import table
from mys3d.s3.message import Response
from mys3d.s3.table import TABLE, Header, Metadata, PrefixHeaders, Query, Row, Uri, Wire, XmlBody, operation
from mys3d.s3.uri import Target


class Made(msgspec.Struct, frozen=True):
    bucket: Annotated[str, Uri("Bucket")]
    key: Annotated[str, Uri("Key")]
    kind: Annotated[str | None, Header("Content-Type")] = None
    count: Annotated[int, Query("max-keys")] = 7
    quiet: Annotated[bool | None, Query("quiet")] = None
    metadata: Annotated[Metadata, PrefixHeaders("x-amz-meta-")] = ()
    body: Annotated[str, XmlBody("Made", 10)] = "none"


class Strict(msgspec.Struct, frozen=True):
    token: Annotated[str, Query("token")]
    mode: Annotated[str, Header("X-Mode")]


async def run(call: object, asked: object) -> Response:
    return Response(200)


def row(record: type[object]) -> Row:
    try:
        operation("GET", "/{Bucket}", record, action="s3:Made")(run)
        return TABLE[record.__name__]
    finally:
        TABLE.pop(record.__name__, None)


def wire(query: dict[str, str] | None = None, headers: dict[str, str] | None = None) -> Wire:
    return Wire(Target("b", "k"), query or {}, headers or {})


def test_every_field_comes_from_its_place() -> None:
    headers = {"content-type": "text/plain", "x-amz-meta-b": "2", "x-amz-meta-a": "1", "x-amz-other": "3"}
    found = table.bind(row(Made), wire({"max-keys": "5", "quiet": "TRUE"}, headers), "document")
    assert found == Made("b", "k", "text/plain", 5, True, (("a", "1"), ("b", "2")), "document")


def test_what_is_absent_has_its_default() -> None:
    assert table.bind(row(Made), wire()) == Made("b", "k")


@pytest.mark.parametrize("text", ["", "-1", "1.5", "a", "٣", "99999999999"])
def test_a_number_is_a_number(text: str) -> None:
    with pytest.raises(S3Error) as refused:
        table.bind(row(Made), wire({"max-keys": text}))
    assert refused.value.code == "InvalidArgument"
    assert refused.value.fields["ArgumentName"] == "max-keys"


def test_a_truth_is_true_or_false() -> None:
    with pytest.raises(S3Error) as refused:
        table.bind(row(Made), wire({"quiet": "1"}))
    assert refused.value.code == "InvalidArgument"


@pytest.mark.parametrize(("query", "headers"), [({}, {"x-mode": "m"}), ({"token": "t"}, {})])
def test_what_is_required_is_missed(query: dict[str, str], headers: dict[str, str]) -> None:
    with pytest.raises(S3Error) as refused:
        table.bind(row(Strict), wire(query, headers))
    assert refused.value.code == "InvalidRequest"


def test_an_operation_stands_in_the_table_once() -> None:
    operation("GET", "/{Bucket}", Strict, action="s3:Strict")(run)
    try:
        with pytest.raises(AssertionError):
            operation("GET", "/{Bucket}", Strict, action="s3:Strict")(run)
    finally:
        del TABLE["Strict"]


def test_a_row_knows_its_document() -> None:
    assert row(Strict).payload is None
    payload = row(Made).payload
    assert payload is not None
    assert payload.place == XmlBody("Made", 10)
