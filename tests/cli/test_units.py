"""Numbers as a person reads them."""

import pytest

from mys3d.cli.units import size, span


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 KB"), (123_456_789, "123 MB"), (1_800_000_000_000, "1.8 TB")],
)
def test_sizes_have_two_or_three_digits_and_a_unit(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (14 * 86400, "14 d")]
)
def test_a_time_has_one_unit(seconds: float, text: str) -> None:
    assert span(seconds) == text
