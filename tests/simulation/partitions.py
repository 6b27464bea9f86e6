"""A few wide partitions instead of many narrow ones.        Floor: tests. Called by: install.

Law: a partition is still a stretch of digests, in their order; there are 32, so that a walk over all of them, and a
layout of all of them, take the time of a simulated cluster with some dozen blobs and not of a real one.
"""

from mys3d.blobs import doubles, index
from mys3d.model import digest
from mys3d.model.digest import Digest
from mys3d.model.names import Partition
from mys3d.registry import keys

COUNT = 32
WIDTH = 1024 // COUNT  # of one, in partitions of the product

_partition_of = digest.partition_of
_references = keys.references
_partition_keys = index._partition_keys
_edges_of = doubles.edges_of


def partition_of(name: Digest) -> Partition:
    return Partition(_partition_of(name) // WIDTH)


def references(partition: Partition) -> tuple[bytes, bytes]:
    return _references(_first(partition))[0], _references(_last(partition))[1]


def partition_keys(partition: Partition) -> tuple[bytes, bytes]:
    return _partition_keys(_first(partition))[0], _partition_keys(_last(partition))[1]


def edges_of(partition: Partition) -> tuple[Digest, Digest]:
    return _edges_of(_first(partition))[0], _edges_of(_last(partition))[1]


def _first(partition: Partition) -> Partition:
    return Partition(partition * WIDTH)


def _last(partition: Partition) -> Partition:
    return Partition((partition + 1) * WIDTH - 1)


EXCHANGED = {
    _partition_of: partition_of,
    _references: references,
    _partition_keys: partition_keys,
    _edges_of: edges_of,
}
