"""Rules of tags.        Floor: registry (pure).

Law: only tags change: neither the id nor the date of a version, nor what its body counts.
"""

import msgspec

from mys3d.errors import Reason, Rejected
from mys3d.registry import stack, tables
from mys3d.registry.amendments import TagBucket, TagVersion
from mys3d.registry.moment import Moment
from mys3d.registry.outcomes import Applied, Outcome, VersionPut
from mys3d.registry.transaction import Transaction


def tag_bucket(tx: Transaction, at: Moment, command: TagBucket) -> Outcome:
    found = tables.bucket_by_id(tx, command.bucket)
    if found is None:
        return Rejected(Reason.NO_SUCH_BUCKET)
    configuration = msgspec.structs.replace(found.configuration, tags=command.tags)
    tables.put_bucket(tx, msgspec.structs.replace(found, configuration=configuration))
    return Applied(at.index)


def tag_version(tx: Transaction, at: Moment, command: TagVersion) -> Outcome:
    if not tables.has_bucket(tx, command.bucket):
        return Rejected(Reason.NO_SUCH_BUCKET)
    bucket, key = command.bucket, command.key
    live = tables.live(tx, bucket, key)
    found = live if command.version is None else stack.find(tx, bucket, key, command.version)
    if found is None or found.is_marker:
        return Rejected(Reason.NO_SUCH_KEY if command.version is None else Reason.NO_SUCH_VERSION, key)
    content = msgspec.structs.replace(found.content, tags=command.tags)
    tagged = msgspec.structs.replace(found, content=content)
    if live is not None and live.id == found.id:
        tables.put_live(tx, bucket, key, tagged)
    else:
        stack.hide(tx, bucket, key, tagged)
    return Applied(at.index, VersionPut(found.id, found.modified_at, found.is_null))
