"""The type that a key speaks of."""

import pytest

from mys3d.s3 import mime


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("page.html", "text/html"),
        ("deep/er/photo.JPG", "image/jpeg"),
        ("data.json", "application/json"),
        ("app.js", "text/javascript"),
        ("app.mjs", "text/javascript"),
        ("lib.wasm", "application/wasm"),
        ("table.parquet", "application/vnd.apache.parquet"),
        ("backup.tar.gz", "application/gzip"),
        ("data:x.png", "image/png"),
        ("q?x=1.csv", "text/csv"),
        ("a;b,c.css", "text/css"),
        ("notes.md", "text/markdown"),
        ("film.mp4", "video/mp4"),
    ],
)
def test_a_known_extension_has_its_type(key: str, kind: str) -> None:
    assert mime.guess(key) == kind


@pytest.mark.parametrize(
    "key", ["nothing", "dir.html/", "dir.html/name", ".html", "..", ".", "x.", "x.unheard-of", "/"]
)
def test_anything_else_is_a_stream_of_bytes(key: str) -> None:
    assert mime.guess(key) == "binary/octet-stream"


def test_no_extension_stands_in_the_table_twice() -> None:
    extensions = [extension for line in mime._TABLE.split("\n") for extension in line.split()[1:]]
    assert len(extensions) == len(set(extensions))
