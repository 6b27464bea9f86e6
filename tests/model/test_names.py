"""Identifiers from outside text."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mys3d.model.names import parse_bucket_name, parse_node_id, parse_object_key


@pytest.mark.parametrize("name", ["abc", "a-b", "a.b", "1st-bucket", "0.0.0", "a" * 63, "my-bucket.example.org"])
def test_a_name_that_follows_the_rules_is_taken_as_it_is(name: str) -> None:
    assert parse_bucket_name(name) == name


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("", "3 to 63 characters, found 0"),
        ("ab", "3 to 63 characters, found 2"),
        ("a" * 64, "3 to 63 characters, found 64"),
        ("Abc", "lower-case letters"),
        ("a_b", "lower-case letters"),
        ("-ab", "starts and ends"),
        ("ab-", "starts and ends"),
        (".ab", "starts and ends"),
        ("ab.", "starts and ends"),
        ("café", "lower-case letters"),
        ("abc\n", "lower-case letters"),
        ("a..b", "two dots"),
        ("a.-b", "no hyphen beside a dot"),
        ("a-.b", "no hyphen beside a dot"),
        ("192.168.5.4", "IP address"),
        ("xn--abc", "reserved"),
        ("sthree-abc", "reserved"),
        ("amzn-s3-demo-x", "reserved"),
        ("abc-s3alias", "reserved"),
        ("abc--ol-s3", "reserved"),
        ("abc.mrap", "reserved"),
        ("abc--x-s3", "reserved"),
        ("abc--table-s3", "reserved"),
    ],
)
def test_a_name_that_breaks_a_rule_is_refused_with_that_rule(name: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        parse_bucket_name(name)


@given(st.text(alphabet=string.ascii_lowercase + string.digits, min_size=3, max_size=63))
def test_letters_and_digits_are_always_a_name(name: str) -> None:
    if not name.startswith(("xn--", "sthree-")):
        assert parse_bucket_name(name) == name


@given(st.text(max_size=80))
def test_any_text_is_a_name_or_a_value_error(text: str) -> None:
    try:
        name = parse_bucket_name(text)
    except ValueError:
        return
    assert name == text
    assert set(name) <= set(string.ascii_lowercase + string.digits + ".-")


@pytest.mark.parametrize(
    "key", ["a", "/", "//", "..", "a b+c/é%2F~(x)", "\x00", "a\n", "\uffff", "😀" * 256, "k" * 1024]
)
def test_any_text_of_up_to_1024_bytes_is_a_key(key: str) -> None:
    assert parse_object_key(key) == key


@pytest.mark.parametrize(("key", "found"), [("", 0), ("k" * 1025, 1025), ("é" * 513, 1026), ("😀" * 257, 1028)])
def test_a_key_is_measured_in_bytes(key: str, found: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 1024 bytes, found {found}"):
        parse_object_key(key)


def test_half_a_surrogate_is_no_key() -> None:
    with pytest.raises(ValueError, match="UTF-8"):
        parse_object_key("a\ud800")


def test_a_node_id_is_32_lower_case_hex_digits() -> None:
    assert parse_node_id("0123456789abcdef" * 2) == "0123456789abcdef" * 2


@pytest.mark.parametrize("text", ["", "0" * 31, "0" * 33, "A" * 32, "g" * 32, "0" * 32 + "\n", "-" * 32])
def test_what_is_not_a_node_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="32 hex digits"):
        parse_node_id(text)
