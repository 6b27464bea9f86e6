"""Rules of tags.        Floor: registry (pure).

Law: only tags change: neither the id nor the date of a version, nor what its body counts.
"""

import msgspec

from mys3d.errors import Reason, Rejected
from mys3d.registry import tables
from mys3d.registry.commands import TagBucket, TagVersion
from mys3d.registry.moment import Moment
from mys3d.registry.outcomes import Applied, Outcome, VersionPut
from mys3d.registry.transaction import Transaction


def tag_bucket(tx: Transaction, at: Moment, command: TagBucket) -> Outcome:
    name = tables.bucket_name(tx, command.bucket)
    if name is None:
        return Rejected(Reason.NO_SUCH_BUCKET)
    found = tables.bucket(tx, name)
    assert found is not None, f"bucket {name} has both rows"
    configuration = msgspec.structs.replace(found.configuration, tags=command.tags)
    tables.put_bucket(tx, msgspec.structs.replace(found, configuration=configuration))
    return Applied(at.index)


def tag_version(tx: Transaction, at: Moment, command: TagVersion) -> Outcome:
    if not tables.has_bucket(tx, command.bucket):
        return Rejected(Reason.NO_SUCH_BUCKET)
    found = tables.live(tx, command.bucket, command.key)
    if found is None:
        return Rejected(Reason.NO_SUCH_KEY, command.key)
    if command.version not in (None, found.id):
        return Rejected(Reason.NO_SUCH_VERSION, command.key)
    content = msgspec.structs.replace(found.content, tags=command.tags)
    tables.put_live(tx, command.bucket, command.key, msgspec.structs.replace(found, content=content))
    return Applied(at.index, VersionPut(found.id, found.modified_at, found.is_null))
