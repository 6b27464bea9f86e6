"""What is remembered of blobs, and when it is forgotten."""

import pytest

from mys3d import limits
from mys3d.blobs.freshness import Touches, Verified
from mys3d.model.digest import Digest
from mys3d.model.names import GcEpoch

A, B = Digest(b"a" * 32), Digest(b"b" * 32)
HOUR = 3600.0


def test_a_verification_counts_for_at_least_12_and_less_than_24_hours() -> None:
    verified = Verified()
    verified.add(A, 0.0)
    assert verified.holds(A, 12 * HOUR)
    assert not verified.holds(A, 24 * HOUR)


def test_a_verification_late_in_its_generation_never_counts_for_more_than_24_hours() -> None:
    verified = Verified()
    verified.add(A, 0.0)
    verified.add(B, 11.9 * HOUR)
    assert verified.holds(B, 23.9 * HOUR)
    assert not verified.holds(B, 36.0 * HOUR)


def test_a_discarded_verification_does_not_count() -> None:
    verified = Verified()
    verified.add(A, 0.0)
    verified.discard(A)
    assert not verified.holds(A, 0.0)


def test_verifications_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "verified_blobs_max", 10)
    verified = Verified()
    names = [Digest(bytes([number]) * 32) for number in range(50)]
    for name in names:
        verified.add(name, 0.0)
    assert sum(verified.holds(name, 0.0) for name in names) <= 10
    assert verified.holds(names[-1], 0.0)


def test_a_touch_counts_in_its_epoch_and_the_next() -> None:
    touches = Touches()
    touches.touch(A, GcEpoch(5))
    touches.touch(B, GcEpoch(6))
    assert (touches.epoch_of(A), touches.epoch_of(B)) == (5, 6)
    touches.touch(B, GcEpoch(7))
    assert (touches.epoch_of(A), touches.epoch_of(B)) == (0, 7)


def test_a_touch_never_goes_back() -> None:
    touches = Touches()
    touches.touch(A, GcEpoch(6))
    touches.touch(A, GcEpoch(5))
    assert touches.epoch_of(A) == 6


def test_a_touch_of_a_past_collection_is_not_remembered() -> None:
    touches = Touches()
    touches.touch(A, GcEpoch(6))
    touches.touch(B, GcEpoch(4))
    assert touches.epoch_of(B) == 0


def test_touches_are_remembered_from_the_epoch_before_the_newest_on() -> None:
    touches = Touches()
    assert touches.remembers(GcEpoch(0))
    touches.touch(A, GcEpoch(6))
    assert (touches.remembers(GcEpoch(5)), touches.remembers(GcEpoch(4))) == (True, False)


def test_too_many_touches_touch_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "touched_blobs_max", 3)
    touches = Touches()
    for number in range(4):
        touches.touch(Digest(bytes([number]) * 32), GcEpoch(8))
    assert touches.epoch_of(A) == 8
    assert (touches.remembers(GcEpoch(7)), touches.remembers(GcEpoch(6))) == (True, False)
    touches.touch(B, GcEpoch(9))
    assert (touches.epoch_of(A), touches.epoch_of(B)) == (8, 9)


def test_everything_counts_as_touched_once_single_touches_may_be_lost() -> None:
    touches = Touches()
    touches.touch(A, GcEpoch(8))
    touches.touch(B, GcEpoch(9))
    touches.touch_all(GcEpoch(8))
    assert (touches.epoch_of(A), touches.epoch_of(B), touches.epoch_of(Digest(b"x" * 32))) == (8, 9, 8)
    touches.touch_all(GcEpoch(3))
    assert touches.epoch_of(Digest(b"x" * 32)) == 8
