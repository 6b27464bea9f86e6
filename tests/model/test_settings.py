"""The row of settings stays readable when fields are added behind its end."""

import msgspec

from mys3d.model.settings import ClusterSettings, WriteQuorum


def test_a_row_has_these_bytes() -> None:
    encoded = msgspec.msgpack.encode(ClusterSettings(1, WriteQuorum.ALL, 100))
    assert encoded == b"\x93\x01\xa3all\x64"
    assert msgspec.msgpack.decode(encoded, type=ClusterSettings).write_quorum is WriteQuorum.ALL


def test_a_shorter_row_means_the_defaults() -> None:
    assert msgspec.msgpack.decode(b"\x92\x01\xa3all", type=ClusterSettings).straggler_ms == 250
