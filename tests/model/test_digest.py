"""Names of blobs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mys3d import limits
from mys3d.model.digest import DIGEST_BYTES, Digest, digest_of, parse_digest, partition_of


def test_the_digest_is_blake3_of_256_bits() -> None:
    # Source: BLAKE3 reference test vectors, input length 0.
    assert digest_of(b"").hex() == "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"


@given(st.binary(max_size=300))
def test_a_digest_depends_on_the_bytes_and_not_on_their_container(data: bytes) -> None:
    assert digest_of(data) == digest_of(bytearray(data)) == digest_of(memoryview(data))


def test_one_changed_bit_is_another_name() -> None:
    assert digest_of(b"\x00" * 4096) != digest_of(b"\x00" * 4095 + b"\x01")


def test_only_32_bytes_are_a_digest() -> None:
    assert parse_digest(b"\1" * DIGEST_BYTES) == b"\1" * 32
    for length in (0, 31, 33):
        with pytest.raises(ValueError, match=f"a digest has 32 bytes, found {length}"):
            parse_digest(b"\1" * length)


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_partitions_order_as_digests_do(one: bytes, other: bytes) -> None:
    low, high = sorted([one, other])
    assert partition_of(Digest(low)) <= partition_of(Digest(high))


def test_partitions_are_the_first_ten_bits() -> None:
    assert partition_of(Digest(b"\x00" * 32)) == 0
    assert partition_of(Digest(b"\xff" * 32)) == limits.partitions_count - 1
    assert partition_of(Digest(b"\x00\x40" + b"\x00" * 30)) == 1
    assert partition_of(Digest(b"\x01\x00" + b"\x00" * 30)) == 4


def test_every_partition_is_reached() -> None:
    reached = {
        partition_of(Digest(bytes([first, second << 6]) + b"\x00" * 30)) for first in range(256) for second in range(4)
    }
    assert reached == set(range(limits.partitions_count))
