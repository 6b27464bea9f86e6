"""Grants, ownership and the public access block change nothing but themselves."""

import msgspec
import pytest

from mys3d import limits
from mys3d.errors import Reason
from mys3d.model.acl import ALL_USERS, Acl, Grant, Ownership, Permission, PublicAccessBlock, private_to
from mys3d.model.buckets import Bucket, BucketConfiguration, Versioning
from mys3d.model.names import AccessKey, BucketName, ObjectKey, UserId, VersionId
from mys3d.model.objects import Content, Version
from mys3d.model.uploads import Upload
from mys3d.registry import codec, invariants, queries, stack
from mys3d.registry.access_commands import BlockPublicAccess, GrantBucket, GrantVersion, SetOwnership
from mys3d.registry.commands import CreateBucket, Proposal, SetVersioning
from mys3d.registry.levels import level_of

ANN = UserId("a" * 64)
GRANTS = (Grant(ALL_USERS, Permission.READ), *private_to(ANN))
LIST = Acl(ANN, GRANTS)


def grant(bucket, version, acl=LIST, key="k"):
    return GrantVersion(bucket, ObjectKey(key), VersionId(version), acl)


@pytest.mark.parametrize(
    ("command", "changed"),
    [
        (GrantBucket(2, GRANTS), {"grants": GRANTS}),
        (GrantBucket(2, ()), {"grants": ()}),
        (SetOwnership(2, Ownership.BUCKET_OWNER_ENFORCED), {"ownership": Ownership.BUCKET_OWNER_ENFORCED}),
        (BlockPublicAccess(2, PublicAccessBlock(True)), {"public_access": PublicAccessBlock(True)}),
    ],
    ids=str,
)
def test_a_bucket_is_the_same_bucket(machine, make, command, changed):
    assert machine.bucket() == 2
    machine.done(SetVersioning(2, Versioning.ENABLED))
    before = queries.bucket(machine.rows, "photos")
    machine.done(command)
    assert queries.bucket(machine.rows, "photos") == msgspec.structs.replace(before, **changed)
    assert invariants.violations(machine.rows) == []
    gone = msgspec.structs.replace(command, bucket=99)
    assert make.reason(machine.do(gone)) == Reason.NO_SUCH_BUCKET


def test_a_bucket_is_made_with_grants_and_an_owner_of_its_objects(machine):
    owner = AccessKey("root")
    machine.done(
        CreateBucket(
            BucketName("photos"), owner, BucketConfiguration(), grants=GRANTS, ownership=Ownership.OBJECT_WRITER
        )
    )
    found = queries.bucket(machine.rows, "photos")
    assert (found.grants, found.ownership) == (GRANTS, Ownership.OBJECT_WRITER)


def test_a_version_with_another_list_is_the_same_version(machine, make):
    bucket = machine.bucket()
    machine.done(make.put(bucket, "k", "one", "two"))
    before = queries.live(machine.rows, bucket, "k")
    told = machine.done(grant(bucket, before.id)).detail
    after = queries.live(machine.rows, bucket, "k")
    assert after == msgspec.structs.replace(before, acl=LIST)
    assert (told.version, told.modified_at, told.is_null) == (before.id, before.modified_at, True)
    assert queries.references_count(machine.rows, make.blob("one").digest) == 1
    machine.done(grant(bucket, before.id, None))
    assert queries.live(machine.rows, bucket, "k") == before
    assert invariants.violations(machine.rows) == []


def test_a_version_behind_the_visible_one_has_a_list_of_its_own(machine, make):
    bucket = machine.bucket()
    null = machine.done(make.put(bucket, "k", "one")).detail.version
    machine.done(SetVersioning(bucket, Versioning.ENABLED))
    newest = machine.done(make.put(bucket, "k", "two")).detail.version
    machine.done(grant(bucket, null))
    assert stack.made_at(machine.rows, bucket, "k", null).acl == LIST
    assert stack.made_at(machine.rows, bucket, "k", newest).acl is None
    assert invariants.violations(machine.rows) == []


def test_what_is_not_there_and_a_marker_have_no_list(machine, make):
    bucket = machine.bucket()
    machine.done(SetVersioning(bucket, Versioning.ENABLED))
    machine.done(make.put(bucket, "k", "one"))
    marker = machine.done(make.delete(bucket, "k")).detail.marker
    assert make.reason(machine.do(grant(bucket, 99))) == Reason.NO_SUCH_VERSION
    assert make.reason(machine.do(grant(bucket, marker))) == Reason.NO_SUCH_VERSION
    assert make.reason(machine.do(grant(99, marker))) == Reason.NO_SUCH_BUCKET


def test_an_object_keeps_the_list_that_it_was_made_with(machine, make):
    bucket = machine.bucket()
    made = machine.done(msgspec.structs.replace(make.put(bucket, "k", "one"), acl=LIST)).detail.version
    assert queries.live(machine.rows, bucket, "k").acl == LIST
    machine.done(make.put(bucket, "k", "two"))
    assert queries.live(machine.rows, bucket, "k").acl is None
    assert made != queries.live(machine.rows, bucket, "k").id


def test_a_copy_has_its_own_list_and_a_rename_keeps_it(machine, make):
    bucket = machine.bucket()
    made = machine.done(msgspec.structs.replace(make.put(bucket, "k", "one"), acl=LIST)).detail.version
    copied = machine.done(make.copy(bucket, "plain", "k", made))
    assert queries.live(machine.rows, bucket, "plain").acl is None
    machine.done(msgspec.structs.replace(make.copy(bucket, "listed", "plain", copied.detail.version), acl=LIST))
    assert queries.live(machine.rows, bucket, "listed").acl == LIST


def test_an_object_in_parts_has_the_list_of_its_upload(machine, make):
    bucket = machine.bucket()
    begun = machine.done(msgspec.structs.replace(make.begin(bucket, "k"), acl=LIST)).detail.upload
    machine.done(make.part(bucket, "k", begun, 1, "one"))
    machine.done(make.complete(bucket, "k", begun, 1, [(1, 3)]))
    assert queries.live(machine.rows, bucket, "k").acl == LIST


def test_more_grants_than_s3_allows_are_refused(machine, make):
    bucket = machine.bucket()
    made = machine.done(make.put(bucket, "k", "one")).detail.version
    many = (Grant(ALL_USERS, Permission.READ),) * (limits.acl_grants_max + 1)
    nobody = (Grant("", Permission.READ),)
    for wrong in (many, nobody):
        for command in (
            GrantBucket(bucket, wrong),
            grant(bucket, made, Acl(ANN, wrong)),
            CreateBucket(BucketName("other"), ANN, BucketConfiguration(), grants=wrong),
            msgspec.structs.replace(make.put(bucket, "k", "one"), acl=Acl(ANN, wrong)),
            msgspec.structs.replace(make.copy(bucket, "c", "k", made), acl=Acl(ANN, wrong)),
            msgspec.structs.replace(make.begin(bucket, "k"), acl=Acl(ANN, wrong)),
        ):
            assert make.reason(machine.do(command)) == Reason.INVALID_COMMAND
    assert make.reason(machine.do(grant(bucket, made, Acl(UserId(""), ())))) == Reason.INVALID_COMMAND
    machine.done(GrantBucket(bucket, many[1:]))


def test_rows_from_before_lists_are_read():
    for record, fields in ((Version, 9), (Upload, 9), (Bucket, 7)):
        assert len(record.__struct_fields__) > fields
    content = codec.encode(Content("t"))
    version = Version(1, VersionId(2), True, 3, 4, "e", None, msgspec.msgpack.decode(content, type=Content))
    rows = msgspec.msgpack.decode(codec.encode(version))
    assert codec.decoder(Version).decode(msgspec.msgpack.encode(rows[:9])) == version
    bucket = Bucket(1, 2, "photos", ANN, 3, BucketConfiguration())
    rows = msgspec.msgpack.decode(codec.encode(bucket))
    assert codec.decoder(Bucket).decode(msgspec.msgpack.encode(rows[:7])) == bucket


def test_an_object_without_a_list_needs_no_new_software_and_one_with_a_list_does(make):
    assert level_of(make.put(2, "k", "one")) == 0
    assert level_of(msgspec.structs.replace(make.put(2, "k", "one"), acl=LIST)) == 1
    assert level_of(GrantBucket(2, None)) == 1


def test_the_bytes_of_the_commands_are_fixed():
    assert payload(GrantBucket(1, None)) == "93a461636c6201c0"
    assert payload(GrantVersion(1, ObjectKey("k"), VersionId(2), Acl("a", ()))) == "95a461636c7601a16b0292a16190"
    assert payload(SetOwnership(1, Ownership.UNSET)) == "93a46f776e7301a0"
    assert payload(BlockPublicAccess(1, PublicAccessBlock(True))) == "93a37061620194c3c2c2c2"


def payload(command):
    return codec.encode_proposal(Proposal(1, b"o" * 16, 9, 1, command)).hex().removeprefix(f"9501c410{'6f' * 16}0901")
