"""Wide partitions are stretches of digests, as the product's are."""

from hashlib import sha256

from mys3d.model.digest import Digest
from mys3d.registry import keys
from tests.simulation import partitions

DIGESTS = [Digest(sha256(str(number).encode()).digest()) for number in range(500)]


def test_a_digest_lies_in_its_partition_and_in_no_other() -> None:
    for digest in DIGESTS:
        mine = partitions.partition_of(digest)
        for partition in range(partitions.COUNT):
            start, stop = partitions.references(partition)
            assert (start <= keys.reference(digest) < stop) == (partition == mine)
            start, stop = partitions.partition_keys(partition)
            assert (start <= start[:1] + digest < stop) == (partition == mine)
            first, last = partitions.edges_of(partition)
            assert (first <= digest <= last) == (partition == mine)


def test_every_partition_has_some() -> None:
    assert {partitions.partition_of(digest) for digest in DIGESTS} == set(range(partitions.COUNT))
