"""Forms of browsers through dispatch, made as boto3 makes them."""

import base64
import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.auth import HmacV1PostAuth, S3SigV4PostAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from mys3d import limits
from mys3d.s3.message import Request

ORIGIN = "http://localhost:9000"
LATER = "2015-10-21T08:00:00Z"
TYPE = "multipart/form-data; boundary=BOUNDARY"
ANY: list[Any] = [{"bucket": "photos"}, ["starts-with", "$key", ""]]


def made(fields: dict[str, str], file: bytes | None = b"hello", filename: str = "cat.jpg") -> bytes:
    """A form as a browser sends it."""
    part = '--BOUNDARY\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n'
    body = b"".join(part.format(name, "").encode() + value.encode() + b"\r\n" for name, value in fields.items())
    if file is not None:
        body += part.format("file", f'; filename="{filename}"').encode() + file + b"\r\n"
    return body + b"--BOUNDARY--\r\n"


def request_of(body: bytes, bucket: str = "photos", content_type: str = TYPE) -> Request:
    given = {"host": "localhost:9000", "content-type": content_type, "content-length": str(len(body))}
    raw = tuple((name.encode(), value.encode()) for name, value in given.items())
    return Request("POST", f"/{bucket}".encode(), b"", raw, "http", "", "0" * 16)


@pytest.fixture(params=["v2", "v4"])
def sign(request: Any) -> Any:
    """Sign the fields of a form as boto3 does, in both versions."""

    def signed(client: Any, fields: dict[str, str], conditions: Any = ANY, **changes: Any) -> dict[str, str]:
        credentials = Credentials(client.access_key, client.secret)
        asked = AWSRequest("POST", "http://localhost:9000/photos")
        policy = {"expiration": LATER, "conditions": list(conditions)} | changes
        asked.context["s3-presign-post-fields"] = dict(fields)
        asked.context["s3-presign-post-policy"] = policy
        if request.param == "v2":
            HmacV1PostAuth(credentials).add_auth(asked)
        else:
            S3SigV4PostAuth(credentials, "s3", client.region).add_auth(asked)
        found: dict[str, str] = asked.context["s3-presign-post-fields"]
        return found

    return signed


async def post(client: Any, fields: dict[str, str], file: bytes | None = b"hello", filename: str = "cat.jpg") -> Any:
    body = made(fields, file, filename)
    return await client.send(request_of(body), *[body[at : at + 100] for at in range(0, len(body), 100)])


async def test_a_form_stores_its_file(bucket: Any, sign: Any) -> None:
    fields = {"key": "a/${filename}", "Content-Type": "image/jpeg", "x-amz-meta-a": "b", "x-ignore-x": "y"}
    conditions = [*ANY, {"Content-Type": "image/jpeg"}, {"x-amz-meta-a": "b"}]
    found = await post(bucket, sign(bucket, fields, conditions), filename="C:\\photos\\cat.jpg")
    assert (found.status, found.body) == (204, b"")
    assert found.headers["etag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    assert found.headers["location"] == f"{ORIGIN}/photos/a/cat.jpg"
    stored = await bucket("GET", "/photos/a/cat.jpg")
    assert stored.body == b"hello"
    assert (stored.headers["content-type"], stored.headers["x-amz-meta-a"]) == ("image/jpeg", "b")


async def test_a_large_file_streams_through(bucket: Any, sign: Any) -> None:
    file = bytes(range(256)) * 20_000  # more than one blob
    body = made(sign(bucket, {"key": "k"}), file)
    assert len(file) > limits.blob_bytes_max
    found = await bucket.send(request_of(body), *[body[at : at + 65536] for at in range(0, len(body), 65536)])
    assert found.status == 204
    assert (await bucket("GET", "/photos/k")).body == file


@pytest.mark.parametrize(("wanted", "status"), [("200", 200), ("201", 201), ("204", 204), ("404", 204)])
async def test_a_form_says_how_it_is_answered(bucket: Any, sign: Any, wanted: str, status: int) -> None:
    fields = {"key": "a b.jpg", "success_action_status": wanted}
    found = await post(bucket, sign(bucket, fields, [*ANY, {"success_action_status": wanted}]))
    assert found.status == status
    if status == 201:
        etag = f'"{hashlib.md5(b"hello").hexdigest()}"'
        assert found.xml == {
            "Location": f"{ORIGIN}/photos/a%20b.jpg",
            "Bucket": "photos",
            "Key": "a b.jpg",
            "ETag": etag,
        }
    else:
        assert found.body == b""


@pytest.mark.parametrize(
    ("page", "place"),
    [
        ("https://example.com/done", "https://example.com/done?"),
        ("http://example.com/?a=b", "http://example.com/?a=b&"),
        ("javascript:alert(1)", ""),
        ("http://[", ""),
        ("http://e x", ""),
        ("/done", ""),
    ],
)
async def test_a_form_goes_on_to_another_page(bucket: Any, sign: Any, page: str, place: str) -> None:
    fields = {"key": "k", "success_action_redirect": page}
    found = await post(bucket, sign(bucket, fields, [*ANY, {"success_action_redirect": page}]))
    if not place:
        assert found.status == 204
        return
    assert found.status == 303
    etag = hashlib.md5(b"hello").hexdigest()
    assert found.headers["location"] == f"{place}bucket=photos&key=k&etag=%22{etag}%22"


async def refused(client: Any, fields: dict[str, str], file: bytes = b"hello") -> tuple[int, str]:
    found = await post(client, fields, file)
    assert (await client("GET", "/photos/k")).status == 404, "a refused form stored its file"
    return found.status, found.code


async def test_a_form_of_somebody_else_is_refused(bucket: Any, sign: Any) -> None:
    fields = {"key": "k"}
    assert await refused(bucket, sign(replace(bucket, secret="x"), fields)) == (403, "SignatureDoesNotMatch")
    assert await refused(bucket, sign(replace(bucket, access_key="UNKNOWN"), fields)) == (403, "InvalidAccessKeyId")
    assert await refused(bucket, sign(replace(bucket, access_key="ANN"), fields)) == (403, "AccessDenied")
    assert await refused(bucket, fields) == (403, "AccessDenied")


async def test_a_form_that_its_policy_does_not_allow_is_denied(bucket: Any, sign: Any) -> None:
    for conditions in (
        [{"bucket": "other"}, ["starts-with", "$key", ""]],
        [{"bucket": "photos"}, ["starts-with", "$key", "x"]],
        [["starts-with", "$key", ""]],
        [{"bucket": "photos"}],
    ):
        assert await refused(bucket, sign(bucket, {"key": "k"}, conditions)) == (403, "AccessDenied")
    assert await refused(bucket, sign(bucket, {"key": "k", "x-amz-meta-a": "b"})) == (403, "AccessDenied")
    expired = sign(bucket, {"key": "k"}, expiration="2015-10-21T07:00:00Z")
    assert await refused(bucket, expired) == (403, "AccessDenied")


async def test_a_policy_that_was_changed_is_refused(bucket: Any, sign: Any) -> None:
    fields = sign(bucket, {"key": "k"})
    document = json.loads(base64.b64decode(fields["policy"]))
    document["expiration"] = "2030-01-01T00:00:00Z"
    changed = fields | {"policy": base64.b64encode(json.dumps(document).encode()).decode()}
    assert await refused(bucket, changed) == (403, "SignatureDoesNotMatch")
    assert await refused(bucket, sign(bucket, {"key": "k"}, conditions=[{}])) == (400, "InvalidPolicyDocument")


@pytest.mark.parametrize(
    ("bounds", "code"), [((0, 4), "EntityTooLarge"), ((0, 0), "EntityTooLarge"), ((6, 9), "EntityTooSmall")]
)
async def test_a_file_has_the_size_that_its_policy_says(bucket: Any, sign: Any, bounds: Any, code: str) -> None:
    fields = sign(bucket, {"key": "k"}, [*ANY, ["content-length-range", *bounds]])
    assert await refused(bucket, fields) == (400, code)
    exact = sign(bucket, {"key": "k"}, [*ANY, ["content-length-range", 5, 5]])
    assert (await post(bucket, exact)).status == 204


async def test_a_form_without_one_of_its_fields_is_refused(bucket: Any, sign: Any) -> None:
    fields = sign(bucket, {"key": "k"})
    for name in fields:
        if name != "policy":
            found = await refused(bucket, {each: value for each, value in fields.items() if each != name})
            assert found == (400, "InvalidArgument"), name
    assert await refused(bucket, fields | {"x-amz-security-token": "t"}) == (400, "InvalidToken")


async def test_a_form_of_another_version_or_region_is_refused(bucket: Any) -> None:
    fields = {
        "key": "k",
        "policy": "e30=",
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": f"{bucket.access_key}/20151021/us-east-1/s3/aws4_request",
        "x-amz-date": "20151021T072800Z",
        "x-amz-signature": "0" * 64,
    }
    assert await refused(bucket, fields) == (403, "SignatureDoesNotMatch")
    assert await refused(bucket, fields | {"x-amz-algorithm": "AWS4-ECDSA"}) == (400, "InvalidArgument")
    abroad = fields | {"x-amz-credential": fields["x-amz-credential"].replace("us-east-1", "eu-west-3")}
    assert await refused(bucket, abroad) == (400, "AuthorizationQueryParametersError")
    assert await refused(bucket, fields | {"x-amz-date": "20151022T072800Z"}) == (
        400,
        "AuthorizationQueryParametersError",
    )


async def test_tags_and_checksums_of_a_form_count(bucket: Any, sign: Any) -> None:
    tags = "<Tagging><TagSet><Tag><Key>a+b</Key><Value>c d</Value></Tag></TagSet></Tagging>"
    sha256 = base64.b64encode(hashlib.sha256(b"hello").digest()).decode()
    fields = {"key": "k", "tagging": tags, "x-amz-checksum-sha256": sha256}
    conditions = [*ANY, ["starts-with", "$tagging", ""], ["starts-with", "$x-amz-checksum-sha256", ""]]
    wrong = sign(bucket, fields, conditions) | {"x-amz-checksum-sha256": base64.b64encode(b"x" * 32).decode()}
    assert await refused(bucket, wrong) == (400, "BadDigest")
    assert await refused(bucket, wrong | {"tagging": "<Tagging>"}) == (400, "MalformedXML")
    found = await post(bucket, sign(bucket, fields, conditions))
    assert (found.status, found.headers["x-amz-checksum-sha256"]) == (204, sha256)
    assert (await bucket("GET", "/photos/k?tagging")).xml["TagSet"]["Tag"] == {"Key": "a+b", "Value": "c d"}


async def test_a_field_of_what_is_not_built_is_refused(bucket: Any, sign: Any) -> None:
    fields = sign(bucket, {"key": "k", "x-amz-object-lock-mode": "COMPLIANCE"}, [*ANY, ["starts-with", "$acl", ""]])
    status, _ = await refused(bucket, fields)
    assert status in (403, 501)


async def test_what_is_no_form_is_refused(bucket: Any) -> None:
    found = await bucket.send(request_of(b"x", content_type="text/plain"), b"x")
    assert (found.status, found.code) == (412, "PreconditionFailed")
    assert (await post(bucket, {"key": "k"}, file=None)).code == "InvalidArgument"
    cut = made({"key": "k"})[:60]
    assert (await bucket.send(request_of(cut), cut)).code == "MalformedPOSTRequest"


async def test_a_form_that_ends_inside_its_file_stores_nothing(bucket: Any, sign: Any) -> None:
    body = made(sign(bucket, {"key": "k"}))[:-20]
    assert (await bucket.send(request_of(body), body)).code == "IncompleteBody"
    assert (await bucket("GET", "/photos/k")).status == 404


async def test_a_form_may_be_sent_by_a_signed_request_without_a_policy(bucket: Any) -> None:
    body = made({"key": "k"})
    whole = {"content-type": TYPE}
    assert (await bucket("POST", "/photos", body, whole)).code == "InvalidRequest"
    assert (await bucket("GET", "/photos/k")).status == 404
    unsigned = whole | {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    assert (await bucket("POST", "/photos", body, unsigned)).status == 204
    found = await replace(bucket, access_key="ANN")("POST", "/photos", body, unsigned)
    assert (found.status, found.code) == (403, "AccessDenied")


@pytest.mark.parametrize(
    ("name", "value"), [("x-amz-meta-a b", "v"), ("x-amz-meta-a", "v\r\nx: y"), ("Content-Type", "a\nb")]
)
async def test_a_field_that_could_not_be_a_header_is_refused(bucket: Any, sign: Any, name: str, value: str) -> None:
    fields = sign(bucket, {"key": "k", name: value}, [*ANY, ["starts-with", f"${name}", ""]])
    assert await refused(bucket, fields) == (400, "InvalidArgument")


async def test_a_form_without_a_policy_is_taken_where_everybody_may_write(bucket: Any) -> None:
    assert (await post(bucket, {"key": "k"})).code == "AccessDenied"
    assert (await bucket("PUT", "/photos?acl", headers={"x-amz-acl": "public-read-write"})).status == 200
    found = await post(bucket, {"key": "k", "acl": "public-read"})
    assert (found.status, found.body) == (204, b"")
    assert (await bucket("GET", "/photos/k")).body == b"hello"
    assert (await post(bucket, {"key": "k", "acl": "public-ready"})).code == "InvalidArgument"
    assert (await post(bucket, {"key": "k", "AWSAccessKeyId": "foo", "policy": "x", "signature": "y"})).status == 403
