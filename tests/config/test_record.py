"""The record and its problems."""

from typing import Any

from mys3d.config import Address, ConfigurationInvalid, Problem


def test_an_address_is_written_as_urls_write_it() -> None:
    assert str(Address("10.0.0.1", 9000)) == "10.0.0.1:9000"
    assert str(Address("::1", 9000)) == "[::1]:9000"


def test_a_secret_is_not_in_the_repr(config: Any) -> None:
    found = config(environ={"S3_ACCESSKEY": "KEY", "S3_SECRETKEY": "do-not-print"})
    assert "do-not-print" not in repr(found)


def test_the_message_counts_its_problems() -> None:
    one = ConfigurationInvalid((Problem("a", "is wrong"),))
    assert str(one) == "a: is wrong\n1 problem, nothing started."
    assert str(ConfigurationInvalid((Problem("a", "b"), Problem("c", "d")))).endswith("2 problems, nothing started.")
