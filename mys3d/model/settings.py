"""What operators decide for a whole cluster.        Floor: model (pure).

Law: these hold for every node alike, so they are registry records: configuration seeds them at the first start only.
New fields come at the end, with the default that older rows mean.
"""

import enum

import msgspec

from mys3d import limits


class WriteQuorum(enum.StrEnum):
    """How many durable copies acknowledge a write."""

    MAJORITY = "majority"  # of the homes: 2 of 3
    ALL = "all"


class ClusterSettings(msgspec.Struct, frozen=True, array_like=True):
    """The row of settings. Without one, the defaults hold."""

    format: int = 1
    write_quorum: WriteQuorum = WriteQuorum.MAJORITY
    straggler_ms: int = limits.straggler_ms  # how long the last copy is waited for after the quorum is durable
    gc_period_ms: int = limits.gc_period_ms  # between two epochs of garbage collection
    dead_after_ms: int = limits.dead_after_ms  # a voter that was silent for this long is replaced by a learner
