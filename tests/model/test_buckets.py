"""Which list counts in a bucket."""

import msgspec

from mys3d.model.acl import ALL_USERS, Acl, Grant, Ownership, Permission, private_to
from mys3d.model.buckets import Bucket, BucketConfiguration
from mys3d.model.names import BucketId, BucketName, Instant, UserId

ANN, BOB = UserId("a" * 64), UserId("b" * 64)
BUCKET = Bucket(1, BucketId(2), BucketName("photos"), ANN, Instant(0), BucketConfiguration())
PUBLIC = (Grant(ALL_USERS, Permission.READ),)


def test_a_bucket_and_an_object_without_a_list_are_the_bucket_owners() -> None:
    assert BUCKET.acl == BUCKET.acl_of(None) == Acl(ANN, private_to(ANN))


def test_a_list_counts_even_when_it_is_empty() -> None:
    assert msgspec.structs.replace(BUCKET, grants=PUBLIC).acl == Acl(ANN, PUBLIC)
    assert msgspec.structs.replace(BUCKET, grants=()).acl == Acl(ANN, ())
    assert BUCKET.acl_of(Acl(BOB, ())) == Acl(BOB, ())


def test_no_list_counts_where_the_owner_is_enforced() -> None:
    enforced = msgspec.structs.replace(BUCKET, grants=PUBLIC, ownership=Ownership.BUCKET_OWNER_ENFORCED)
    assert enforced.acl == enforced.acl_of(Acl(BOB, PUBLIC)) == Acl(ANN, private_to(ANN))
