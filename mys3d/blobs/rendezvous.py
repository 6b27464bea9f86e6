"""Which directory of a node a blob goes to.        Floor: blobs (pure). Called by: blobs.store.

Law: the order depends on the digest, the directories' ids and their weights alone, so that a directory that comes or
goes moves only its own share. Source: Thaler & Ravishankar 1998, rendezvous hashing; weights as in Schindelhauer &
Schomaker 2005: the score of a candidate is -weight / ln(uniform hash).
"""

import math
from collections.abc import Sequence
from typing import Final

from blake3 import blake3

from mys3d.model.digest import Digest

_SPAN: Final = 2.0**64


def ordered(digest: Digest, candidates: Sequence[tuple[bytes, int]]) -> list[int]:
    """The positions of `candidates`, each a directory id and a weight in bytes, best first."""
    if len(candidates) == 1:
        return [0]
    scores = [_score(digest, directory_id, weight) for directory_id, weight in candidates]
    return sorted(range(len(candidates)), key=lambda position: (-scores[position], candidates[position][0]))


def _score(digest: Digest, directory_id: bytes, weight: int) -> float:
    number = int.from_bytes(blake3(digest + directory_id).digest(length=8), "big")
    return -max(1, weight) / math.log((number + 0.5) / (_SPAN + 1))
