"""s3fs: a file system of objects, as pandas and dask use it."""

import s3fs
from told import BUCKET, ENDPOINT, FOLDER, LARGE, ODD, SMALL, TRUSTED, run, step

options = {"endpoint_url": ENDPOINT} | ({"verify": TRUSTED} if TRUSTED else {})
fs = s3fs.S3FileSystem(client_kwargs=options, skip_instance_cache=True, use_listings_cache=False)


@step
def make_bucket():
    fs.mkdir(BUCKET)
    assert fs.exists(BUCKET)


@step
def write_and_read():
    with fs.open(f"{BUCKET}/{ODD}", "wb") as file:
        file.write(SMALL)
    assert fs.cat(f"{BUCKET}/{ODD}") == SMALL
    assert fs.cat_file(f"{BUCKET}/{ODD}", start=2, end=5) == SMALL[2:5]


@step
def write_in_parts():
    with fs.open(f"{BUCKET}/large", "wb", block_size=5 << 20) as file:
        file.write(LARGE)
    with fs.open(f"{BUCKET}/large", "rb", block_size=5 << 20) as file:
        assert file.read() == LARGE


@step
def lists():
    for number in range(3):
        fs.pipe(f"{BUCKET}/dir/{number}/x", b"x")
    assert sorted(fs.ls(f"{BUCKET}/dir")) == [f"{BUCKET}/dir/{number}" for number in range(3)]
    assert len(fs.find(f"{BUCKET}/dir")) == 3
    assert fs.isdir(f"{BUCKET}/dir")
    assert not fs.exists(f"{BUCKET}/none")


@step
def folders():
    (FOLDER / "tree" / "a").mkdir(parents=True)
    (FOLDER / "tree" / "a" / "b").write_bytes(SMALL)
    fs.put(str(FOLDER / "tree"), f"{BUCKET}/tree", recursive=True)
    fs.get(f"{BUCKET}/tree", str(FOLDER / "back"), recursive=True)
    assert next((FOLDER / "back").rglob("b")).read_bytes() == SMALL


@step
def copy_and_move():
    fs.copy(f"{BUCKET}/{ODD}", f"{BUCKET}/copy")
    fs.mv(f"{BUCKET}/copy", f"{BUCKET}/moved")
    assert fs.cat(f"{BUCKET}/moved") == SMALL
    assert not fs.exists(f"{BUCKET}/copy")


@step
def exclusive_creation():
    try:
        with fs.open(f"{BUCKET}/{ODD}", "xb") as file:
            file.write(b"other")
    except FileExistsError:
        return
    raise AssertionError("it was overwritten")


@step
def metadata_and_tags():
    fs.setxattr(f"{BUCKET}/{ODD}", copy_kwargs={}, m="1")
    assert fs.getxattr(f"{BUCKET}/{ODD}", "m") == "1"
    fs.put_tags(f"{BUCKET}/{ODD}", {"a": "1"})
    assert fs.get_tags(f"{BUCKET}/{ODD}") == {"a": "1"}


@step
def remove_everything():
    fs.rm(BUCKET, recursive=True)
    assert not fs.exists(BUCKET)


run(s3fs.__version__)
