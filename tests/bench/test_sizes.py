"""Sizes, times and shares as they are typed."""

import pytest

from mys3d.bench.sizes import parse_seconds, parse_share, parse_size, size_text


def test_sizes_are_read_and_shown_alike() -> None:
    assert [parse_size(text) for text in ("1", "4K", "64k", "1M", "2G")] == [1, 4096, 65536, 1 << 20, 2 << 30]
    assert [size_text(size) for size in (1, 4096, 65536, 1 << 20, 1500, 0)] == ["1", "4K", "64K", "1M", "1500", "-"]


@pytest.mark.parametrize("text", ["", "K", "0", "-1", "6G", "4KB", "x", "1.5M"])
def test_what_is_no_size_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected a size .* found"):
        parse_size(text)


def test_times_have_units() -> None:
    assert [parse_seconds(text) for text in ("500ms", "10s", "10", "2m", "1.5s")] == [0.5, 10, 10, 120, 1.5]


@pytest.mark.parametrize("text", ["", "0", "11m", "s", "1h", "-1s"])
def test_what_is_no_time_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected a time .* found"):
        parse_seconds(text)


def test_shares_are_percent() -> None:
    assert [parse_share(text) for text in ("5%", "5", "0.5%", "100")] == [0.05, 0.05, 0.005, 1.0]


@pytest.mark.parametrize("text", ["", "0", "101", "x", "-5%"])
def test_what_is_no_share_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected a share .* found"):
        parse_share(text)
