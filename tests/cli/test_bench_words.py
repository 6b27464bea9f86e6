"""What the options may say."""

from collections.abc import Callable
from typing import Any

import pytest

from mys3d.cli.bench_words import listed, parse_concurrency, parse_part, parse_rate


def test_values_are_read() -> None:
    assert listed(parse_concurrency)("1,32") == (1, 32)
    assert (parse_rate("100"), parse_rate("2.5/s"), parse_part("5M")) == (100.0, 2.5, 5 << 20)


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (parse_concurrency, "0", "expected a number of connections from 1 to 900, found '0'"),
        (parse_concurrency, "901", "expected a number of connections"),
        (parse_concurrency, "x", "expected a number of connections"),
        (parse_rate, "0", "expected requests a second up to 100,000, found '0'"),
        (parse_rate, "fast", "expected requests a second"),
        (parse_part, "1M", "expected parts of 5M or more, found '1M'"),
    ],
)
def test_what_is_none_is_told(parse: Callable[[str], Any], text: str, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse(text)
    assert str(refused.value).startswith(message)
