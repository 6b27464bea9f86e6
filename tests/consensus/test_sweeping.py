"""When removed rows go to the disk."""

import trio

from mys3d import limits
from mys3d.consensus.sweeping import sweep
from mys3d.errors import Unavailable


class Rows:
    """As much of a store as is swept."""

    def __init__(self):
        self.listed_deletes_count, self.flushes, self.is_full = 0, [], False

    def flush(self):
        self.flushes.append(trio.current_time())
        if self.is_full:
            raise Unavailable("the disk is full")
        self.listed_deletes_count = 0


async def on_the_loop(work):
    work()


async def test_rows_are_flushed_once_when_many_were_removed(nursery, autojump_clock):
    rows = Rows()
    nursery.start_soon(sweep, rows, on_the_loop)
    rows.listed_deletes_count = limits.listed_deletes_max
    await trio.sleep(10 * limits.sweep_rows_seconds)
    assert rows.flushes == []
    rows.listed_deletes_count += 1
    await trio.sleep(10 * limits.sweep_rows_seconds)
    assert len(rows.flushes) == 1


async def test_a_full_disk_is_tried_again(nursery, autojump_clock):
    rows = Rows()
    rows.is_full, rows.listed_deletes_count = True, limits.listed_deletes_max + 1
    nursery.start_soon(sweep, rows, on_the_loop)
    await trio.sleep(10 * limits.sweep_rows_seconds)
    assert 2 <= len(rows.flushes) < 10
    rows.is_full = False
    await trio.sleep(10 * limits.sweep_rows_seconds)
    assert rows.listed_deletes_count == 0
