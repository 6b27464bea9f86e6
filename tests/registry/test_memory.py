"""What only the rows in memory promise; the rest is in test_contract.py."""

from mys3d.registry.memory import MemoryRows


def test_rows_may_be_given_at_birth_in_any_order():
    assert MemoryRows([(b"b", b"2"), (b"a", b"1")]).rows() == [(b"a", b"1"), (b"b", b"2")]


def test_a_scan_does_not_follow_writes_made_while_it_is_open():
    rows = MemoryRows([(b"a", b"1"), (b"b", b"2")])
    scan = rows.scan(b"a", b"z")
    rows.commit([(b"b", None), (b"c", b"3")])
    assert list(scan) == [(b"a", b"1"), (b"b", b"2")]


def test_the_reader_follows_every_commit():
    rows = MemoryRows()
    reader = rows.reader()
    rows.write([(b"a", b"1")])
    assert reader.get(b"a") == b"1"
