"""Who may do what."""

import msgspec
import pytest

from mys3d.model.acl import (
    ALL_USERS,
    AUTHENTICATED_USERS,
    Acl,
    Grant,
    Ownership,
    Permission,
    PublicAccessBlock,
    private_to,
)
from mys3d.model.buckets import Bucket, BucketConfiguration
from mys3d.model.names import AccessKey, BucketId, BucketName, Instant, UserId
from mys3d.policy.decide import ANONYMOUS, Decision, Principal, decide, rules_over

ROOT = Principal(AccessKey("AK"), UserId("AK"), is_root=True)
ANN = Principal(AccessKey("UK"), UserId("ann"), is_root=False)
BOB = Principal(AccessKey("BK"), UserId("bob"), is_root=False)
READ, WRITE, READ_ACP, WRITE_ACP, FULL = (Permission(name) for name in Permission)


def bucket_of(owner: str, *grants: Grant, **changes: object) -> Bucket:
    made = Bucket(1, BucketId(2), BucketName("photos"), UserId(owner), Instant(0), BucketConfiguration())
    return msgspec.structs.replace(made, grants=grants or None, **changes)


def allowed(principal: Principal, action: str, bucket: Bucket | None, acl: Acl | None = None) -> bool:
    return decide(principal, action, bucket, acl) is Decision.ALLOW


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:DeleteBucket", "s3:ListAllMyBuckets"])
def test_root_may_do_anything(action: str) -> None:
    for bucket in (None, bucket_of("AK"), bucket_of("ann")):
        assert allowed(ROOT, action, bucket)


def test_a_user_may_do_anything_with_its_own_buckets_and_nothing_with_others() -> None:
    assert allowed(ANN, "s3:GetObject", bucket_of("ann"))
    assert allowed(ANN, "s3:GetObject", bucket_of("ann"), Acl(UserId("bob"), private_to(UserId("bob"))))
    assert allowed(ANN, "s3:CreateBucket", None)
    assert not allowed(ANN, "s3:GetObject", bucket_of("bob"))
    assert not allowed(ANN, "s3:GetObject", bucket_of("AK"))


def test_nobody_may_do_nothing_but_hear_that_it_has_no_buckets() -> None:
    for bucket in (bucket_of("ann"), bucket_of("")):
        assert not allowed(ANONYMOUS, "s3:GetObject", bucket)
        assert not rules_over(ANONYMOUS, bucket)
    assert not allowed(ANONYMOUS, "s3:CreateBucket", None)
    assert allowed(ANONYMOUS, "s3:ListAllMyBuckets", None)


@pytest.mark.parametrize(
    ("granted", "allows", "forbids"),
    [
        (READ, ["s3:ListBucket", "s3:ListBucketVersions"], ["s3:PutObject", "s3:GetBucketAcl", "s3:GetObject"]),
        (WRITE, ["s3:PutObject", "s3:DeleteObject"], ["s3:ListBucket", "s3:DeleteObjectVersion", "s3:PutBucketAcl"]),
        (READ_ACP, ["s3:GetBucketAcl"], ["s3:PutBucketAcl", "s3:ListBucket"]),
        (WRITE_ACP, ["s3:PutBucketAcl"], ["s3:GetBucketAcl", "s3:PutObjectAcl"]),
        (FULL, ["s3:ListBucket", "s3:PutObject", "s3:GetBucketAcl", "s3:PutBucketAcl"], ["s3:DeleteBucket"]),
    ],
    ids=str,
)
def test_a_grant_on_a_bucket_allows_what_it_says(granted: Permission, allows: list[str], forbids: list[str]) -> None:
    for grantee, included, excluded in (
        ("bob", [BOB], [Principal(AccessKey("CK"), UserId("cay"), is_root=False), ANONYMOUS]),
        (AUTHENTICATED_USERS, [BOB], [ANONYMOUS]),
        (ALL_USERS, [BOB, ANONYMOUS], []),
    ):
        bucket = bucket_of("ann", Grant(grantee, granted))
        for principal in included:
            assert [action for action in allows if not allowed(principal, action, bucket)] == []
            assert [action for action in forbids if allowed(principal, action, bucket)] == []
        for principal in excluded:
            assert [action for action in allows if allowed(principal, action, bucket)] == []


@pytest.mark.parametrize(
    ("granted", "allows"),
    [
        (READ, {"s3:GetObject", "s3:GetObjectAttributes"}),
        (WRITE, set()),
        (READ_ACP, {"s3:GetObjectAcl"}),
        (WRITE_ACP, {"s3:PutObjectAcl"}),
        (FULL, {"s3:GetObject", "s3:GetObjectAttributes", "s3:GetObjectAcl", "s3:PutObjectAcl"}),
    ],
    ids=["READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL"],
)
def test_a_grant_on_an_object_allows_what_it_says(granted: Permission, allows: set[str]) -> None:
    acl = Acl(UserId("ann"), (Grant("bob", granted),))
    asked = ("s3:GetObject", "s3:GetObjectAttributes", "s3:GetObjectAcl", "s3:PutObjectAcl", "s3:PutObject")
    assert {action for action in asked if allowed(BOB, action, bucket_of("ann"), acl)} == allows
    assert not any(allowed(ANONYMOUS, action, bucket_of("ann"), acl) for action in asked)


def test_the_list_of_a_bucket_says_nothing_of_reading_its_objects() -> None:
    assert not allowed(BOB, "s3:GetObject", bucket_of("ann", Grant(ALL_USERS, FULL)))


def test_the_owner_of_an_object_sees_and_changes_its_list_whatever_that_says() -> None:
    acl = Acl(UserId("bob"), ())
    bucket = bucket_of("ann")
    assert allowed(BOB, "s3:GetObjectAcl", bucket, acl)
    assert allowed(BOB, "s3:PutObjectAcl", bucket, acl)
    assert not allowed(BOB, "s3:GetObject", bucket, acl)
    assert not allowed(ANONYMOUS, "s3:PutObjectAcl", bucket, Acl(UserId(""), ()))


def test_where_the_owner_is_enforced_no_list_counts() -> None:
    enforced = bucket_of("ann", Grant(ALL_USERS, FULL), ownership=Ownership.BUCKET_OWNER_ENFORCED)
    assert not allowed(BOB, "s3:ListBucket", enforced)
    assert not allowed(BOB, "s3:GetObjectAcl", enforced, Acl(UserId("bob"), (Grant(ALL_USERS, FULL),)))
    assert allowed(ANN, "s3:ListBucket", enforced)


def test_public_grants_may_be_ignored_and_those_to_users_count() -> None:
    grants = (Grant(ALL_USERS, READ), Grant(AUTHENTICATED_USERS, READ), Grant("bob", WRITE))
    block = PublicAccessBlock(ignore_acls=True)
    bucket = bucket_of("ann", *grants, public_access=block)
    assert not allowed(BOB, "s3:ListBucket", bucket)
    assert not allowed(ANONYMOUS, "s3:ListBucket", bucket)
    assert allowed(BOB, "s3:PutObject", bucket)
    assert not allowed(BOB, "s3:GetObject", bucket, Acl(UserId("ann"), grants))


def test_an_action_of_another_service_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError):
        decide(ROOT, "iam:CreateUser", None)
