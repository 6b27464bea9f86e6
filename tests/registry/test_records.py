"""Outcomes as rows."""

import pytest

from mys3d.errors import Reason, Rejected
from mys3d.registry import codec
from mys3d.registry.outcomes import Applied, BucketMade, VersionPut, VersionRemoved, VersionsRemoved
from mys3d.registry.records import OutcomeRow

OUTCOMES = [
    Applied(7),
    Applied(7, BucketMade(7)),
    Applied(7, VersionPut(7, 1_700_000_000_000, True)),
    Applied(7, VersionsRemoved((VersionRemoved("k", True), VersionRemoved("l", False)))),
    Applied(7, VersionRemoved("k", True, version=3, was_marker=True)),
    Applied(7, VersionRemoved("k", True, marker=7, is_null=True)),
    Applied(7, VersionRemoved("k", True, reason=Reason.PRECONDITION_FAILED, detail="If-Match")),
    Rejected(Reason.EXPIRED),
    Rejected(Reason.NO_SUCH_BUCKET, "photos"),
]


@pytest.mark.parametrize("outcome", OUTCOMES, ids=repr)
def test_an_outcome_is_read_back(outcome):
    row = codec.encode(OutcomeRow.of(outcome))
    assert codec.decoder(OutcomeRow).decode(row).outcome() == outcome


def test_every_reason_can_be_stored():
    for reason in Reason:
        row = codec.encode(OutcomeRow.of(Rejected(reason)))
        assert codec.decoder(OutcomeRow).decode(row).outcome() == Rejected(reason)


def test_an_outcome_of_before_versioning_is_read():
    row = bytes.fromhex("9401 9207 95a2726d a16b c3c0c0 c0a0".replace(" ", ""))
    assert codec.decoder(OutcomeRow).decode(row).outcome() == Applied(7, VersionRemoved("k", True))
