"""Rows of users."""

from mys3d.model.access import User
from mys3d.registry import keys, user_tables
from mys3d.registry.memory import MemoryRows
from mys3d.registry.transaction import Overlay

ANN = User(1, "a" * 64, "ann", "Ann@Example.com", 7)


def stored(*steps):
    rows = MemoryRows()
    overlay = Overlay(rows)
    for step in steps:
        step(overlay)
    rows.commit(overlay.writes())
    return rows


def test_a_user_is_written_and_dropped_whole():
    rows = stored(lambda tx: user_tables.put_user(tx, ANN))
    assert user_tables.user(rows, ANN.id) == ANN
    assert len(list(rows.scan(b"", b"\xff"))) == 3
    rows = stored(lambda tx: user_tables.put_user(tx, ANN), lambda tx: user_tables.drop_user(tx, ANN))
    assert list(rows.scan(b"", b"\xff")) == []


def test_names_and_emails_do_not_meet():
    assert keys.user_name("x") != keys.user_email("x")
    assert user_tables.names_of(ANN) == [b"Nnann", b"Neann@example.com"]


def test_keys_of_one_user_are_one_stretch():
    rows = stored(
        lambda tx: user_tables.put_access_key(tx, ANN.id, "K2"),
        lambda tx: user_tables.put_access_key(tx, ANN.id, "K1"),
        lambda tx: user_tables.put_access_key(tx, "b" * 64, "K3"),
    )
    assert user_tables.access_keys(rows, ANN.id, 9) == ["K1", "K2"]
    assert user_tables.access_keys(rows, ANN.id, 1) == ["K1"]
    assert user_tables.has_access_key(rows, ANN.id, "K1")
    assert not user_tables.has_access_key(rows, ANN.id, "K3")
