"""Directories get blobs by their weight, and a change moves no more than its share."""

import pytest

from mys3d.blobs.rendezvous import ordered
from mys3d.limits import TIB
from mys3d.model.digest import digest_of

A, B, C = b"a" * 16, b"b" * 16, b"c" * 16
NAMES = [digest_of(b"%d" % number) for number in range(20_000)]


def firsts(candidates: list[tuple[bytes, int]]) -> list[bytes]:
    return [candidates[ordered(name, candidates)[0]][0] for name in NAMES]


def test_every_directory_stands_in_the_order_once() -> None:
    assert sorted(ordered(NAMES[0], [(A, 1), (B, 2), (C, 3)])) == [0, 1, 2]
    assert ordered(NAMES[0], [(A, 1)]) == [0]


def test_a_share_follows_the_weight() -> None:
    found = firsts([(A, TIB), (B, 3 * TIB)])
    assert found.count(B) / len(found) == pytest.approx(0.75, abs=0.02)


def test_the_order_of_the_configuration_does_not_matter() -> None:
    assert firsts([(A, 5), (B, 7), (C, 1)]) == firsts([(C, 1), (B, 7), (A, 5)])


def test_a_directory_that_comes_takes_its_share_and_nothing_else_moves() -> None:
    before, after = firsts([(A, 1), (B, 1)]), firsts([(A, 1), (B, 1), (C, 1)])
    moved = [new for old, new in zip(before, after, strict=True) if old != new]
    assert set(moved) == {C}
    assert len(moved) / len(NAMES) == pytest.approx(1 / 3, abs=0.02)


def test_a_directory_without_weight_is_the_last_choice_and_no_fault() -> None:
    assert firsts([(A, 0), (B, TIB)]).count(A) == 0
