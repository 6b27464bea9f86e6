"""Sets of tags: the header, and the limits."""

import pytest

from mys3d import limits
from mys3d.errors import S3Error
from mys3d.s3 import tags


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (None, ()),
        ("", ()),
        ("b=2&a=1", (("a", "1"), ("b", "2"))),
        ("a", (("a", ""),)),
        ("a=", (("a", ""),)),
        ("a+b=c%20d", (("a b", "c d"),)),
        ("a%2Bb=c%3Dd", (("a+b", "c=d"),)),
        ("%C3%A9=1", (("é", "1"),)),
    ],
)
def test_the_header_is_read_like_a_query(header: str | None, found: tags.TagSet) -> None:
    assert tags.from_header(header) == found


@pytest.mark.parametrize(
    ("header", "code"), [("a=%zz", "InvalidArgument"), ("a=%ff", "InvalidArgument"), ("a=1&a=2", "InvalidTag")]
)
def test_a_header_that_is_no_set_is_refused(header: str, code: str) -> None:
    with pytest.raises(S3Error) as refused:
        tags.from_header(header)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "pairs",
    [
        [("", "v")],
        [("k" * (limits.tag_key_max + 1), "v")],
        [("k", "v" * (limits.tag_value_max + 1))],
        [("aws:k", "v")],
        [("AWS:k", "v")],
        [("k", "a\nb")],
        [("k;", "v")],
        [("k", "<v>")],
        [("k", "1"), ("k", "2")],
        [(str(number), "v") for number in range(3)],
    ],
)
def test_what_is_no_tag_is_refused(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(S3Error) as refused:
        tags.checked(pairs, 2)
    assert refused.value.code == "InvalidTag"


def test_the_largest_set_is_a_set() -> None:
    pairs = [(f"{number:03}" + "k" * (limits.tag_key_max - 3), "v" * limits.tag_value_max) for number in range(10)]
    assert tags.checked(reversed(pairs), 10) == tuple(pairs)


def test_letters_of_any_script_and_some_marks_are_plain() -> None:
    pairs = [("é 漢/字_.:=+-@", "٣"), ("k", "")]
    assert tags.checked(pairs, 2) == (("k", ""), ("é 漢/字_.:=+-@", "٣"))
