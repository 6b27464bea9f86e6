"""The five kinds of what can go wrong."""

import pytest

from mys3d.errors import Damaged, OutcomeUnknown, Reason, Rejected, S3Error, Unavailable


def test_there_are_five_kinds_and_none_is_another() -> None:
    kinds = [Rejected, S3Error, Unavailable, OutcomeUnknown, Damaged]
    for kind in kinds:
        assert [other for other in kinds if issubclass(kind, other)] == [kind]


def test_two_refusals_are_equal_when_reason_and_detail_are() -> None:
    one, same = Rejected(Reason.NO_SUCH_KEY, "a"), Rejected(Reason.NO_SUCH_KEY, "a")
    assert one == same
    assert hash(one) == hash(same)
    assert one != Rejected(Reason.NO_SUCH_KEY, "b")
    assert one != Rejected(Reason.NO_SUCH_BUCKET, "a")
    assert one != "no-such-key: a"


def test_a_refusal_reads_as_a_sentence() -> None:
    assert str(Rejected(Reason.BUCKET_NOT_EMPTY)) == "bucket-not-empty"
    assert str(Rejected(Reason.BUCKET_NOT_EMPTY, "photos")) == "bucket-not-empty: photos"


def test_reasons_are_stored_and_so_never_renamed() -> None:
    stored = {
        "bucket-exists", "bucket-owned-by-you", "bucket-not-empty", "no-such-bucket", "no-such-key", "no-such-version",
        "no-such-upload", "precondition-failed", "layout-epoch-old", "gc-epoch-old", "expired", "too-large",
        "no-such-member", "member-exists", "token-invalid", "transition-running", "no-transition",
        "already-initialised", "access-key-exists", "invalid-command",
    }  # fmt: skip
    assert stored <= {str(reason) for reason in Reason}
    assert Reason("no-such-key") is Reason.NO_SUCH_KEY


def test_an_s3_error_carries_its_code_and_fields() -> None:
    error = S3Error("NoSuchKey", "it is not there", Key="a")
    assert (error.code, error.message, error.fields) == ("NoSuchKey", "it is not there", {"Key": "a"})
    assert str(error) == "NoSuchKey: it is not there"
    assert str(S3Error("NoSuchKey")) == "NoSuchKey"


def test_an_unknown_outcome_names_the_operation_to_ask_for_again() -> None:
    error = OutcomeUnknown(bytes(range(16)))
    assert error.operation_id == bytes(range(16))
    assert "000102030405060708090a0b0c0d0e0f" in str(error)


@pytest.mark.parametrize(("node", "where"), [("", "local"), ("ab" * 16, "ab" * 16)])
def test_damage_names_the_blob_and_the_node(node: str, where: str) -> None:
    error = Damaged(b"\xff" * 32, node, "checksum differs")
    assert (error.digest, error.node) == (b"\xff" * 32, node)
    assert str(error) == f"blob {'ff' * 32} on node {where} is damaged: checksum differs"
