"""Rows of CORS: their bytes, which stay readable."""

from mys3d.model.cors import CorsRule
from mys3d.registry import codec, cors_tables, keys
from mys3d.registry.memory import MemoryRows
from mys3d.registry.records import CorsRow
from mys3d.registry.transaction import Overlay

RULE = CorsRule(("GET",), ("*",), ("x-*",), ("ETag",), 5, "i")


def test_rows_of_the_first_release_that_wrote_them_stay_readable():
    row = bytes.fromhex("9201919691a347455491a12a91a3782d2a91a44554616705a169")
    assert codec.encode(CorsRow(1, (RULE,))) == row
    assert codec.decoder(CorsRow).decode(row).rules == (RULE,)
    assert codec.decoder(CorsRow).decode(bytes.fromhex("920191929090")).rules == (CorsRule((), ()),)


def test_a_bucket_has_its_own_rules_or_none():
    tx = Overlay(MemoryRows())
    cors_tables.put_cors(tx, 5, (RULE, CorsRule(("PUT",), ("a",))))
    assert cors_tables.cors(tx, 5) == (RULE, CorsRule(("PUT",), ("a",)))
    assert cors_tables.cors(tx, 6) == ()
    cors_tables.drop_cors(tx, 5)
    assert cors_tables.cors(tx, 5) == ()
    assert keys.cors(5) == b"C" + bytes(7) + b"\x05"
