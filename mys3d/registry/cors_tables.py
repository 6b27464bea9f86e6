"""Rows of CORS: one for each bucket that has rules.        Floor: registry (pure). Called by: rules, queries.

Law: as in `tables`: only this module knows which record lies under which key. The rules are no part of the bucket's own
row, which every request reads: nobody but a browser of another origin asks for them.
"""

from functools import lru_cache
from typing import Final

from mys3d.model.cors import CorsRule
from mys3d.model.names import BucketId
from mys3d.registry import keys
from mys3d.registry.codec import FORMAT, decoder, encode
from mys3d.registry.records import CorsRow
from mys3d.registry.transaction import Reader, Transaction

_cors: Final = lru_cache(maxsize=16)(decoder(CorsRow).decode)  # a page asks often, and of one bucket


def cors(reader: Reader, bucket: BucketId) -> tuple[CorsRule, ...]:
    """The rules of a bucket, in their order; empty: it has none."""
    row = reader.get(keys.cors(bucket))
    return () if row is None else _cors(row).rules


def put_cors(tx: Transaction, bucket: BucketId, rules: tuple[CorsRule, ...]) -> None:
    tx.put(keys.cors(bucket), encode(CorsRow(FORMAT, rules)))


def drop_cors(tx: Transaction, bucket: BucketId) -> None:
    tx.delete(keys.cors(bucket))
