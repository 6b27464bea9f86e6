"""Every row of the operation table against the S3 model that botocore ships."""

from typing import Any

import pytest

from mys3d.operations import dispatch
from mys3d.operations.refusals import FIXED, IGNORED, REFUSED
from mys3d.s3 import schema
from mys3d.s3.router import NAMES
from mys3d.s3.table import TABLE, Header, Row
from tests.operations.compatibility import MODEL, members, unobeyed, where

BEYOND = {
    (Header, "if-range"),  # RFC 9110, 13.1.5: without it, a download that goes on could mix two objects
    (Header, "x-amz-grant-write"),  # S3 takes it for objects as well; it grants nothing there
}
ROWS = [row for row in TABLE.values() if row.name in MODEL.operation_names]  # a form is not in the model
BUILT = {
    "ListBuckets",
    "CreateBucket",
    "HeadBucket",
    "DeleteBucket",
    "GetBucketLocation",
    "PutBucketTagging",
    "GetBucketTagging",
    "DeleteBucketTagging",
    "PutBucketCors",
    "GetBucketCors",
    "DeleteBucketCors",
    "PutObjectTagging",
    "GetObjectTagging",
    "DeleteObjectTagging",
    "PostObject",
    "PutObject",
    "RenameObject",
    "GetObject",
    "GetObjectAttributes",
    "GetObjectTorrent",
    "HeadObject",
    "CopyObject",
    "DeleteObject",
    "DeleteObjects",
    "CreateMultipartUpload",
    "UploadPart",
    "UploadPartCopy",
    "CompleteMultipartUpload",
    "AbortMultipartUpload",
    "ListParts",
    "ListMultipartUploads",
    "ListObjects",
    "ListObjectsV2",
    "ListObjectVersions",
    "PutBucketVersioning",
    "GetBucketVersioning",
    "GetBucketAcl",
    "PutBucketAcl",
    "GetObjectAcl",
    "PutObjectAcl",
    "PutBucketOwnershipControls",
    "GetBucketOwnershipControls",
    "DeleteBucketOwnershipControls",
    "PutPublicAccessBlock",
    "GetPublicAccessBlock",
    "DeletePublicAccessBlock",
    "GetBucketPolicyStatus",
}


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
    known = members(row).keys() | BEYOND
    assert [where(field) for field in row.fields if where(field) not in known] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_member_of_the_model_is_a_field_or_stands_among_the_refusals(row: Row) -> None:
    treated = REFUSED | FIXED.keys() | IGNORED.keys()
    assert [place for place in unobeyed(row) if place[0] is not Header or place[1] not in treated] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_no_field_is_refused_before_its_operation_sees_it(row: Row) -> None:
    assert [name for _, name in map(where, row.fields) if name in REFUSED | FIXED.keys() | IGNORED.keys()] == []


@pytest.mark.parametrize("row", [row for row in ROWS if row.payload], ids=lambda row: row.name)
def test_a_document_has_every_element_of_the_model(row: Row) -> None:
    shape: Any = MODEL.operation_model(row.name).input_shape
    assert row.payload is not None
    kind: Any = row.payload.kind
    assert differences(shape.members[members(row)[where(row.payload)]], kind) == []


def differences(shape: Any, record: type[object]) -> list[str]:
    """The elements that only one of a shape of the model and a record knows, at any depth."""
    elements: dict[str, Any] = {}
    for name, member in shape.members.items():
        if member.type_name == "list":
            is_flat = member.serialization.get("flattened")
            wrapped = member.member.serialization.get("name", "member")
            elements[member.serialization.get("name", wrapped if is_flat else name)] = member
        else:
            elements[member.serialization.get("name", name)] = member
    kinds = schema.elements(record)
    found = [f"{shape.name}: {name}" for name in sorted(elements.keys() ^ kinds.keys())]
    for name in sorted(elements.keys() & kinds.keys()):
        below = elements[name]
        kind = kinds[name]
        if below.type_name == "list" and not below.serialization.get("flattened"):
            kinds_inside = schema.elements(kind)
            assert list(kinds_inside) == [below.member.serialization.get("name", "member")]
            (kind,) = kinds_inside.values()
        below = below.member if below.type_name == "list" else below
        if below.type_name == "structure":
            found += differences(below, kind)
    return found


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
