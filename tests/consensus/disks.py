"""Rows and a journal in memory that fall back, when their node is killed, to what a real disk would still hold."""

import contextlib
import pickle
from pathlib import Path

from mys3d.consensus import segments
from mys3d.consensus.disk import BASE, NO_OP, Loaded, replay
from mys3d.consensus.snapshot import SnapshotUnusable
from mys3d.errors import Unavailable
from mys3d.ports import SnapshotFile


class Rows:
    """Rows that, as RocksDB without its log, fall back to an older write when the node is killed."""

    def __init__(self, rows=None):
        self.rows, self.history, self.flushed = {}, [], 0
        self.stalls = 0
        self.listed_deletes_count = 0
        self.damage = None
        self.generation, self.durable_generation, self.generations = "g-0", "g-0", {}
        if rows is not None:
            self.write(list(rows.items()))
            self.flush()

    def get(self, key):
        return self.rows.get(key)

    def scan(self, start, stop, *, reverse=False):
        yield from sorted(((k, v) for k, v in self.rows.items() if start <= k < stop), reverse=reverse)

    def reader(self):
        return self

    @contextlib.contextmanager
    def snapshot(self):
        frozen = Rows()
        frozen.rows = dict(self.rows)
        yield frozen

    def write(self, writes):
        if self.stalls:
            self.stalls -= 1
            raise Unavailable("stalled")
        self.history.append(list(writes))
        self._put(writes)

    def _put(self, writes):
        for key, value in writes:
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value

    def flush(self):
        self.flushed = len(self.history)

    def export(self):
        return RowsExport(self.rows)

    def prove(self):
        """Nothing rots behind a cache here."""

    def receive(self, files):
        return RowsIncoming(self)

    def switch(self, generation):
        self.durable_generation = generation

    def adopt(self, generation):
        received = self.generations[generation]
        assert generation == self.durable_generation
        self.generation = received.generation
        self.history, self.flushed = list(received.reader.history), received.reader.flushed
        self.rows = dict(received.reader.rows)

    def clean(self):
        pass

    def kill(self, kept):
        """Fall back to the state after `kept` writes, at least the flushed ones, of the generation that counts."""
        if self.generation != self.durable_generation:
            self.adopt(self.durable_generation)
        self.history = self.history[: max(kept, self.flushed)]
        self.rows = {}
        for writes in self.history:
            self._put(writes)


class RowsExport:
    """A frozen copy of rows, as two files."""

    def __init__(self, rows):
        data = pickle.dumps(rows)
        self.data = (data[: len(data) // 2], data[len(data) // 2 :])
        self.files = tuple(SnapshotFile(f"rows-{number}", len(part)) for number, part in enumerate(self.data))
        self.is_closed = False

    def read(self, file, start, stop):
        return self.data[file][start:stop]

    def close(self):
        self.is_closed = True


class RowsIncoming:
    def __init__(self, target):
        self.target, self.data, self.is_abandoned = target, {}, False

    def write(self, file, start, data):
        self.data[file, start] = data

    def finish(self):
        try:
            rows = pickle.loads(b"".join(data for _, data in sorted(self.data.items())))
        except (pickle.UnpicklingError, EOFError, ValueError) as error:
            raise SnapshotUnusable(str(error)) from error
        generation = f"g-{len(self.target.generations) + 1}"
        received = self.target.generations[generation] = RowsReceived(generation, Rows(rows))
        return received

    def abandon(self):
        self.is_abandoned = True


class RowsReceived:
    def __init__(self, generation, rows):
        self.generation, self.reader, self.is_abandoned = generation, rows, False

    def abandon(self):
        self.is_abandoned = True


class SimulatedDisk:
    """Holds what was written; a killed node that had not written its work has lost it. Drops all that it may drop."""

    def __init__(self, works=(), base=BASE[1:], install=None):
        self.works, self.base, self.install = list(works), base, install

    def load(self):
        entries, term = [(NO_OP, *self.base)], (self.base[1], None)
        for work in self.works:
            if isinstance(work, tuple):
                entries = [(NO_OP, *work)]
                continue
            for kind, entry in segments.records(Path("simulated"), work.body):
                replay(Path("simulated"), entries, kind, entry)
            if work.floor > entries[0][1]:
                count = work.floor - entries[0][1]
                entries[: count + 1] = [(NO_OP, *entries[count][1:])]
            term = work.term or term
        return Loaded(entries, *term, self.install)

    def write(self, work):
        self.works.append(work)

    def mark(self, install):
        self.install = install

    def reset(self, index, term):
        self.works.append((index, term))

    def unmark(self):
        self.install = None

    def close(self):
        pass
