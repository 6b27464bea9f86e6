"""minio-py."""

import io
import ssl
import urllib.request
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import certifi
import urllib3
from minio import Minio
from minio.commonconfig import CopySource, Tags
from minio.datatypes import PostPolicy
from minio.deleteobjects import DeleteObject
from minio.versioningconfig import ENABLED, VersioningConfig
from told import BUCKET, ENDPOINT, FOLDER, KEY, LARGE, ODD, SECRET, SMALL, TRUSTED, run, step

http = urllib3.PoolManager(cert_reqs="CERT_REQUIRED", ca_certs=TRUSTED or certifi.where())
client = Minio(ENDPOINT.split("://")[1], KEY, SECRET, secure=bool(TRUSTED), region="us-east-1", http_client=http)


@step
def make_bucket():
    assert not client.bucket_exists(BUCKET)
    client.make_bucket(BUCKET)
    assert client.bucket_exists(BUCKET)


@step
def put_get_stat():
    client.put_object(BUCKET, ODD, io.BytesIO(SMALL), len(SMALL), content_type="text/css", metadata={"m": "1"})
    assert client.get_object(BUCKET, ODD).read() == SMALL
    found = client.stat_object(BUCKET, ODD)
    assert (found.size, found.content_type, found.metadata["x-amz-meta-m"]) == (len(SMALL), "text/css", "1")
    assert client.get_object(BUCKET, ODD, offset=2, length=3).read() == SMALL[2:5]


@step
def put_in_parts():
    client.put_object(BUCKET, "large", io.BytesIO(LARGE), -1, part_size=5 << 20)
    assert client.get_object(BUCKET, "large").read() == LARGE


@step
def files():
    (FOLDER / "up").write_bytes(SMALL)
    client.fput_object(BUCKET, "file", str(FOLDER / "up"))
    client.fget_object(BUCKET, "file", str(FOLDER / "down"))
    assert (FOLDER / "down").read_bytes() == SMALL


@step
def lists():
    for number in range(3):
        client.put_object(BUCKET, f"dir/{number}", io.BytesIO(b"x"), 1)
    assert [found.object_name for found in client.list_objects(BUCKET, prefix="dir/")] == ["dir/0", "dir/1", "dir/2"]
    assert "dir/" in [found.object_name for found in client.list_objects(BUCKET)]
    assert ODD in [found.object_name for found in client.list_objects(BUCKET, recursive=True, use_api_v1=True)]


@step
def copy():
    client.copy_object(BUCKET, "copy", CopySource(BUCKET, ODD))
    assert client.get_object(BUCKET, "copy").read() == SMALL


@step
def tags():
    tags = Tags.new_object_tags()
    tags["a"] = "1"
    client.set_object_tags(BUCKET, ODD, tags)
    assert client.get_object_tags(BUCKET, ODD) == tags
    client.set_bucket_tags(BUCKET, tags)
    assert client.get_bucket_tags(BUCKET) == tags
    client.delete_bucket_tags(BUCKET)


@step
def links():
    context = ssl.create_default_context(cafile=TRUSTED) if TRUSTED else None
    link = client.presigned_get_object(BUCKET, ODD, expires=timedelta(minutes=5))
    assert urllib.request.urlopen(link, context=context).read() == SMALL
    link = client.presigned_put_object(BUCKET, "linked")
    urllib.request.urlopen(urllib.request.Request(link, data=SMALL, method="PUT"), context=context)
    assert client.get_object(BUCKET, "linked").read() == SMALL


@step
def form():
    policy = PostPolicy(BUCKET, datetime.now(UTC) + timedelta(minutes=5))
    policy.add_equals_condition("key", "posted")
    fields = client.presigned_post_policy(policy) | {"key": "posted"}
    answer = http.request("POST", f"{ENDPOINT}/{BUCKET}", fields=[*fields.items(), ("file", ("f", SMALL))])
    assert answer.status in (200, 204), answer.data
    assert client.get_object(BUCKET, "posted").read() == SMALL


@step
def versions():
    client.set_bucket_versioning(BUCKET, VersioningConfig(ENABLED))
    first = client.put_object(BUCKET, "v", io.BytesIO(b"1"), 1).version_id
    client.put_object(BUCKET, "v", io.BytesIO(b"2"), 1)
    assert client.get_object(BUCKET, "v", version_id=first).read() == b"1"


@step
def remove_everything():
    found = list(client.list_objects(BUCKET, recursive=True, include_version=True))
    errors = client.remove_objects(BUCKET, [DeleteObject(each.object_name, each.version_id) for each in found])
    assert list(errors) == []
    client.remove_bucket(BUCKET)


run(version("minio"))
