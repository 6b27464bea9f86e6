"""Forms of browsers: every cut, every bound, every broken one."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mys3d import limits
from mys3d.errors import S3Error
from mys3d.s3.form import FormParser, boundary_of

FORM = (
    b"--B\r\nContent-Disposition: form-data; name=\"kEy\"\r\n\r\nfoo/${filename}\r\n"
    b'--B  \r\ncontent-disposition: form-data; name="empty"\r\nX: y\r\n\r\n\r\n'
    b'--B\r\nContent-Disposition: form-data; name=key\r\n\r\nsecond\r\n'
    b'--B\r\nContent-Disposition: form-data; name="file"; filename="a \\"b\\".txt"\r\nContent-Type: text/plain\r\n\r\n'
    b"\r\n--A\r\nbytes\r\n\r\n--B\r\nContent-Disposition: form-data; name=\"late\"\r\n\r\nx\r\n--B--\r\n"
)  # fmt: skip
FILE = b"\r\n--A\r\nbytes\r\n"


def parsed(pieces: list[bytes], boundary: bytes = b"B") -> tuple[FormParser, bytes]:
    parser = FormParser(boundary)
    found = b""
    for piece in pieces:
        parser.feed(piece)
        found += parser.take()
    return parser, found


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = [0, *sorted(place % len(data) for place in places), len(data)]
    return [data[start:stop] for start, stop in itertools.pairwise(ends)]


@settings(max_examples=60)
@given(places=st.lists(st.integers(0, 10_000), max_size=12))
def test_a_form_is_the_same_in_every_cut(places: list[int]) -> None:
    parser, found = parsed(cut(FORM, places))
    assert parser.fields == {"key": "foo/${filename}", "empty": ""}
    assert parser.filename == 'a "b".txt'
    assert found == FILE
    assert parser.is_done


def test_a_form_arrives_byte_by_byte() -> None:
    parser, found = parsed([bytes([byte]) for byte in FORM])
    assert (parser.is_done, found) == (True, FILE)


def test_bytes_of_the_file_are_handed_on_before_it_ends() -> None:
    parser = FormParser(b"B")
    parser.feed(b'--B\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + b"x" * 100_000)
    assert parser.has_file
    assert not parser.is_done
    assert len(parser.take()) > 99_000
    assert parser.take() == b""
    parser.feed(b"\r\n--B--")
    assert (parser.is_done, len(parser.take())) == (True, 4)  # what might have been the beginning of a delimiter


def head(name: bytes, value: bytes) -> bytes:
    return b'--B\r\nContent-Disposition: form-data; name="' + name + b'"\r\n\r\n' + value + b"\r\n"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (head(b"key", b"k") + b"--B--\r\n", "InvalidArgument"),
        (b"--B--\r\n", "InvalidArgument"),
        (b"--Bx\r\n", "MalformedPOSTRequest"),
        (b"--B\r\nContent-Disposition: form-data\r\n\r\nx\r\n--B", "MalformedPOSTRequest"),
        (b"--B\r\nX: y\r\n\r\nx\r\n--B", "MalformedPOSTRequest"),
        (head(b"key", b"\xff") + b"--B", "MalformedPOSTRequest"),
        (head(b"key", b"k" * 30_000), "MaxPostPreDataLengthExceededError"),
        (head(b"key", b"k" * 30_000) + b"--B", "MaxPostPreDataLengthExceededError"),
        (head(b"a", b"k" * 15_000) + head(b"b", b"k" * 15_000) + b"--B", "MaxPostPreDataLengthExceededError"),
        (b"".join(head(b"%d" % n, b"") for n in range(200)), "MaxPostPreDataLengthExceededError"),
        (b"x" * 30_000, "MaxPostPreDataLengthExceededError"),
        (b"--B\r\n" + b"x" * 30_000, "MaxPostPreDataLengthExceededError"),
    ],
    ids=range(12),
)
def test_what_is_no_form_or_too_long_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(S3Error) as refused:
        parsed([data])
    assert refused.value.code == code


@pytest.mark.parametrize("seed", range(20))
def test_a_form_with_flipped_bytes_is_read_or_refused(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(50):
        data = bytearray(FORM)
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(len(data))] = chance.choice(b'\r\n-B";:= \x00\xff')
        try:
            parser, _ = parsed(cut(bytes(data), [chance.randrange(10_000) for _ in range(3)]))
        except S3Error:
            continue
        assert sum(map(len, parser.fields.values())) <= limits.form_head_bytes_max


@pytest.mark.parametrize(
    ("text", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('Multipart/Form-Data; charset=utf-8; Boundary="a b"', b"a b"),
    ],
)
def test_the_boundary_stands_in_the_content_type(text: str, boundary: bytes) -> None:
    assert boundary_of(text) == boundary


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, "PreconditionFailed"),
        ("text/plain; boundary=x", "PreconditionFailed"),
        ("multipart/form-data", "MalformedPOSTRequest"),
        ("multipart/form-data; boundary=" + "x" * 71, None),
        ('multipart/form-data; boundary=""', "MalformedPOSTRequest"),
    ],
)
def test_another_content_type_is_no_form(text: str | None, code: str | None) -> None:
    if code is None:
        assert len(boundary_of(text)) == 70  # RFC 2046: at most 70 characters
        return
    with pytest.raises(S3Error) as refused:
        boundary_of(text)
    assert refused.value.code == code
