"""obstore: the object_store of Rust, under delta and lance. It makes no buckets: BUCKET is there."""

from importlib.metadata import version
from pathlib import Path

import obstore
from obstore.store import S3Store
from told import BUCKET, ENDPOINT, KEY, LARGE, SECRET, SMALL, TRUSTED, run, step

client_options = {"root_certificate": Path(TRUSTED).read_text()} if TRUSTED else {"allow_http": True}
store = S3Store(
    BUCKET,
    endpoint=ENDPOINT,
    access_key_id=KEY,
    secret_access_key=SECRET,
    region="us-east-1",
    virtual_hosted_style_request=False,
    client_options=client_options,
)


@step
def put_get_head():
    obstore.put(store, "k e/y", SMALL, attributes={"Content-Type": "text/css"})
    assert bytes(obstore.get(store, "k e/y").bytes()) == SMALL
    assert obstore.head(store, "k e/y")["size"] == len(SMALL)


@step
def ranges():
    assert bytes(obstore.get_range(store, "k e/y", start=2, end=5)) == SMALL[2:5]
    assert [bytes(each) for each in obstore.get_ranges(store, "k e/y", starts=[0, 3], ends=[1, 5])] == [b"h", b"lo"]


@step
def put_in_parts():
    obstore.put(store, "large", LARGE, use_multipart=True, chunk_size=5 << 20)
    assert bytes(obstore.get(store, "large").bytes()) == LARGE


@step
def exclusive_creation():
    obstore.put(store, "once", b"1", mode="create")
    try:
        obstore.put(store, "once", b"2", mode="create")
    except obstore.exceptions.AlreadyExistsError:
        return
    raise AssertionError("it was overwritten")


@step
def update_of_what_was_seen():
    seen = {"e_tag": obstore.put(store, "cas", b"1")["e_tag"]}
    obstore.put(store, "cas", b"2", mode=seen)
    try:
        obstore.put(store, "cas", b"3", mode=seen)
    except obstore.exceptions.PreconditionError:
        return
    raise AssertionError("it was overwritten")


@step
def lists():
    for number in range(3):
        obstore.put(store, f"dir/{number}/x", b"x")
    assert len(obstore.list(store, "dir").collect()) == 3
    assert len(obstore.list(store, "dir", offset="dir/0/x").collect()) == 2
    assert obstore.list_with_delimiter(store, "dir")["common_prefixes"] == [f"dir/{number}" for number in range(3)]


@step
def copy_and_rename():
    obstore.copy(store, "k e/y", "copy")
    obstore.rename(store, "copy", "moved")
    assert bytes(obstore.get(store, "moved").bytes()) == SMALL


@step
def remove_everything():
    obstore.delete(store, [found["path"] for found in obstore.list(store).collect()])
    assert obstore.list(store).collect() == []


run(version("obstore"))
