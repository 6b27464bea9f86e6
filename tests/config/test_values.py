"""Reading one value."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mys3d.config import values


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2TB", 2 * 10**12),
        ("500GiB", 500 * 2**30),
        ("500 gib", 500 * 2**30),
        ("1.5TiB", 3 * 2**39),
        ("64M", 64 * 2**20),
        ("1000", 1000),
        ("7b", 7),
    ],
)
def test_a_size_has_decimal_or_binary_units(text: str, size: int) -> None:
    assert values.read_size(text, False) == size


def test_a_size_may_be_a_plain_number() -> None:
    assert values.read_size(4096, True) == 4096


@pytest.mark.parametrize("wrong", ["", "2XB", "-1", "0", "TB", "1e9", "2 TB extra", 0, -5, True, 1.5, None, ["2TB"]])
def test_what_is_not_a_size_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError):
        values.read_size(wrong, True)


def test_a_port_is_a_number_and_text_only_when_everything_is_text() -> None:
    assert values.read_port("9000", False) == 9000
    with pytest.raises(ValueError):
        values.read_port("9000", True)


@pytest.mark.parametrize("wrong", ["0", "65536", "-1", "9000.5", "http", ""])
def test_what_is_not_a_port_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError):
        values.read_port(wrong, False)


def test_the_first_port_leaves_room_for_two_more() -> None:
    assert values.read_first_port("65533", False) == 65_533
    with pytest.raises(ValueError):
        values.read_first_port("65534", False)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://s3.home:9000", "http://s3.home:9000"),
        ("https://s3.example.org/", "https://s3.example.org"),
        ("minio:9000", "http://minio:9000"),
        ("127.0.0.1", "http://127.0.0.1"),
        ("http://[::1]:9000", "http://[::1]:9000"),
    ],
)
def test_an_endpoint_is_a_url_and_http_is_meant_without_a_scheme(text: str, url: str) -> None:
    assert values.read_endpoint(text, False) == url


@pytest.mark.parametrize(
    "wrong", ["", "ftp://x", "http://", "http://x/path", "http://x?q", "http://u:p@x", "http://x:port", "http://a b"]
)
def test_what_is_not_an_endpoint_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError):
        values.read_endpoint(wrong, False)


@pytest.mark.parametrize(
    ("read", "good", "wrong"),
    [
        (values.read_name, "n1.rack-2_b", "a b"),
        (values.read_name, "a" * 63, "a" * 64),
        (values.read_name, "9", "-n"),
        (values.read_region, "eu-west-3", "EU West"),
        (values.read_access_key, "abc", "ab"),
        (values.read_access_key, "MY+KEY", "with/slash"),
        (values.read_secret_key, "12345678", "1234567"),
        (values.read_secret_key, "a/b+c=d$", "has blank"),
        (values.read_host, "node-1.example.org", "no/host"),
        (values.read_host, "::1", "a b"),
        (values.read_log_level, "INFO", "loud"),
    ],
)
def test_each_grammar_takes_the_good_and_refuses_the_wrong(
    read: Callable[[object, bool], object], good: str, wrong: str
) -> None:
    read(good, True)
    with pytest.raises(ValueError):
        read(wrong, True)


def test_brackets_around_an_address_are_not_part_of_it() -> None:
    assert values.read_host("[::1]", False) == "::1"


def test_a_path_may_start_at_home() -> None:
    assert values.read_path("~/s3", False) == Path.home() / "s3"


def test_a_write_quorum_is_one_of_two_words() -> None:
    assert values.read_write_quorum("All", False) == "all"
    with pytest.raises(ValueError):
        values.read_write_quorum("2", False)


def test_bulk_is_one_of_two_words() -> None:
    assert (values.read_bulk("TLS", False), values.read_bulk("plain", True)) == ("tls", "plain")
    with pytest.raises(ValueError):
        values.read_bulk("none", False)


@pytest.mark.parametrize("wrong", ["0", "10001", "1.5", ""])
def test_a_straggler_is_waited_for_within_bounds(wrong: str) -> None:
    assert values.read_straggler("1000", False) == 1000
    with pytest.raises(ValueError):
        values.read_straggler(wrong, False)


@pytest.mark.parametrize("wrong", ["99", "86400001", "10 min", ""])
def test_a_gc_period_has_bounds(wrong: str) -> None:
    assert values.read_gc_period("200", False) == 200
    with pytest.raises(ValueError):
        values.read_gc_period(wrong, False)


def test_directories_for_blobs_are_a_list_or_one_text_each_with_its_share_or_none() -> None:
    expected = ((Path("/mnt/a"), None), (Path("/mnt/b"), 2 * 10**12))
    assert values.read_blobs(["/mnt/a", "/mnt/b=2TB"], True) == expected
    assert values.read_blobs("/mnt/a, /mnt/b=2TB", False) == expected


@pytest.mark.parametrize("wrong", ["", [], ["/a", "/a=1TB"], "/a,,/b", ["=2TB"], "/a=", "/a=many", [7], 7, None])
def test_what_names_no_directories_for_blobs_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError):
        values.read_blobs(wrong, True)


def test_the_log_that_is_kept_has_a_bound() -> None:
    assert values.read_log_entries(0, True) == 0
    assert values.read_log_entries("25000", False) == 25_000
    for wrong in (-1, 25_001, "many"):
        with pytest.raises(ValueError):
            values.read_log_entries(wrong, False)


def test_domains_are_a_list_or_one_text_the_longest_first() -> None:
    assert values.read_domains(["example.org", "s3.Example.org"], True) == ("s3.example.org", "example.org")
    assert values.read_domains("example.org, s3.example.org", False) == ("s3.example.org", "example.org")


@pytest.mark.parametrize("wrong", ["", [], "a b", ["a", "A"], "a,,b", [7], None])
def test_what_names_no_domain_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError):
        values.read_domains(wrong, True)
