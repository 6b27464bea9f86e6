"""Who may do what."""

import pytest

from mys3d.model.names import AccessKey, UserId
from mys3d.policy.decide import ANONYMOUS, Decision, Principal, decide

ROOT = Principal(AccessKey("AK"), UserId("AK"), is_root=True)
USER = Principal(AccessKey("UK"), UserId("ann"), is_root=False)


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:DeleteBucket", "s3:ListAllMyBuckets"])
def test_root_may_do_anything(action: str) -> None:
    for owner in (None, UserId("AK"), UserId("ann")):
        assert decide(ROOT, action, owner) is Decision.ALLOW


def test_a_user_may_do_anything_with_its_own_buckets_and_nothing_with_others() -> None:
    assert decide(USER, "s3:GetObject", UserId("ann")) is Decision.ALLOW
    assert decide(USER, "s3:CreateBucket", None) is Decision.ALLOW
    assert decide(USER, "s3:GetObject", UserId("bob")) is Decision.DENY
    assert decide(USER, "s3:GetObject", UserId("AK")) is Decision.DENY


def test_nobody_may_do_nothing() -> None:
    for owner in (None, UserId("ann"), UserId("")):
        assert decide(ANONYMOUS, "s3:GetObject", owner) is Decision.DENY


def test_an_action_of_another_service_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError):
        decide(ROOT, "iam:CreateUser", None)
