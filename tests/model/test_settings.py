"""The row of settings stays readable when fields are added behind its end."""

import msgspec

from mys3d.model.settings import ClusterSettings, WriteQuorum


def test_a_row_has_these_bytes() -> None:
    encoded = msgspec.msgpack.encode(ClusterSettings(1, WriteQuorum.ALL, 100, 200, 300))
    assert encoded == b"\x95\x01\xa3all\x64\xcc\xc8\xcd\x01\x2c"
    assert msgspec.msgpack.decode(encoded, type=ClusterSettings).write_quorum is WriteQuorum.ALL


def test_a_shorter_row_means_the_defaults() -> None:
    found = msgspec.msgpack.decode(b"\x92\x01\xa3all", type=ClusterSettings)
    assert (found.straggler_ms, found.gc_period_ms, found.dead_after_ms) == (250, 600_000, 60_000)
