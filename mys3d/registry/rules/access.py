"""Rules of access: grants on buckets and versions, ownership, what may not be public.        Floor: registry (pure).

Law: nothing else of a bucket or version changes: neither the id nor the date of a version, nor what its body counts.
"""

from typing import assert_never

import msgspec

from mys3d.errors import Reason, Rejected
from mys3d.registry import stack, tables
from mys3d.registry.access_commands import AccessCommand, BlockPublicAccess, GrantBucket, GrantVersion, SetOwnership
from mys3d.registry.moment import Moment
from mys3d.registry.outcomes import Applied, Outcome, VersionPut
from mys3d.registry.transaction import Transaction


def rule(tx: Transaction, at: Moment, command: AccessCommand) -> Outcome:
    bucket = tables.bucket_by_id(tx, command.bucket)
    if bucket is None:
        return Rejected(Reason.NO_SUCH_BUCKET)
    match command:
        case GrantVersion():
            return _grant_version(tx, at, command)
        case GrantBucket():
            changed = msgspec.structs.replace(bucket, grants=command.grants)
        case SetOwnership():
            changed = msgspec.structs.replace(bucket, ownership=command.ownership)
        case BlockPublicAccess():
            changed = msgspec.structs.replace(bucket, public_access=command.block)
        case _:
            assert_never(command)
    tables.put_bucket(tx, changed)
    return Applied(at.index)


def _grant_version(tx: Transaction, at: Moment, command: GrantVersion) -> Outcome:
    found = stack.made_at(tx, command.bucket, command.key, command.version)
    if found is None or found.is_marker:
        return Rejected(Reason.NO_SUCH_VERSION, command.key)
    granted = msgspec.structs.replace(found, acl=command.acl)
    live = tables.live(tx, command.bucket, command.key)
    if live is not None and live.id == found.id:
        tables.put_live(tx, command.bucket, command.key, granted)
    else:
        stack.hide(tx, command.bucket, command.key, granted)
    return Applied(at.index, VersionPut(found.id, found.modified_at, found.is_null))
