"""Buffers that are used again, and never while somebody can see them."""

import ctypes
import gc

import pytest

from mys3d import limits
from mys3d.buffers import Buffers

SIZE = limits.buffer_bytes


def place(view: memoryview) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(view))


def test_a_buffer_is_used_again_once_no_view_of_it_is_left() -> None:
    buffers = Buffers(1)
    first = buffers.take(SIZE)
    where, part = place(first), first[5:]
    del first
    assert place(buffers.take(SIZE)) != where
    del part
    assert place(buffers.take(SIZE - 1)) == where


def test_a_view_in_a_traceback_is_a_view() -> None:
    buffers = Buffers(1)

    def fail() -> None:
        view = buffers.take(SIZE)
        raise ValueError(place(view))

    with pytest.raises(ValueError) as raised:
        fail()
    where = raised.value.args[0]
    assert place(buffers.take(SIZE)) != where
    del raised
    gc.collect()
    assert place(buffers.take(SIZE)) == where


def test_what_is_written_stays_until_it_is_let_go_of() -> None:
    buffers = Buffers(2)
    views = [buffers.take(SIZE) for _ in range(5)]
    for number, view in enumerate(views):
        view[:] = bytes([number]) * SIZE
    assert [set(view) for view in views] == [{number} for number in range(5)]


def test_no_more_than_so_many_are_kept() -> None:
    buffers = Buffers(2)
    views = [buffers.take(SIZE) for _ in range(3)]
    places = [place(view) for view in views]
    del views
    again = [buffers.take(SIZE) for _ in range(2)]
    assert [place(view) for view in again] == places[:2]


@pytest.mark.parametrize("size", [0, 1, limits.buffer_bytes_min - 1, SIZE + 1])
def test_small_and_huge_ones_are_new(size: int) -> None:
    buffers = Buffers(1)
    assert len(buffers.take(size)) == size and bytes(buffers.take(size)) == bytes(size)
    buffers.take(SIZE)[0] = 1
    assert buffers.take(SIZE)[0] == 1  # the one that is kept was not touched by them
