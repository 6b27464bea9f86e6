"""Who may do what."""

import pytest

from mys3d.model.names import AccessKey
from mys3d.policy.decide import Decision, Principal, decide

ROOT = Principal(AccessKey("AK"), "root", is_root=True)
USER = Principal(AccessKey("UK"), "ann", is_root=False)


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:DeleteBucket", "s3:ListAllMyBuckets"])
def test_root_may_do_anything(action: str) -> None:
    assert decide(ROOT, action, "bucket/key") is Decision.ALLOW


def test_a_user_without_a_policy_may_do_nothing() -> None:
    assert decide(USER, "s3:GetObject", "bucket/key") is Decision.DENY


def test_nobody_may_do_nothing() -> None:
    assert decide(None, "s3:GetObject", "bucket/key") is Decision.DENY


def test_an_action_of_another_service_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError):
        decide(ROOT, "iam:CreateUser", "x")
