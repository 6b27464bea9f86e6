"""Whether users, their names, keys and buckets hang together.        Floor: registry (pure). Called by: invariants.

Law: each check yields a sentence for every row that is not as others say. Rows are looked up one by one, in
bounded memory.
"""

from collections.abc import Iterator

from mys3d.model.names import AccessKey, BucketName, UserId
from mys3d.registry import keys, tables, user_tables
from mys3d.registry.transaction import Reader


def check_users(reader: Reader) -> Iterator[str]:
    yield from _check_users(reader)
    yield from _check_names(reader)
    yield from _check_keys(reader)
    yield from _check_buckets(reader)


def _check_users(reader: Reader) -> Iterator[str]:
    """A user lies under its id, which is no access key, and its names lead to it."""
    for key, row in reader.scan(*keys.stretch(keys.USERS)):
        user = user_tables.decode_user(row)
        if keys.user(user.id) != key:
            yield f"user {user.id} lies under another key"
        if tables.credential(reader, AccessKey(user.id)) is not None:
            yield f"user {user.id}: its id is an access key"
        for name in user_tables.names_of(user):
            found = reader.get(name)
            if found is None or user_tables.decode_user_name(found).user != user.id:
                yield f"user {user.id}: the name {name[2:].decode()} does not lead to it"


def _check_names(reader: Reader) -> Iterator[str]:
    """A name or e-mail is that of the user it leads to."""
    for key, row in reader.scan(*keys.stretch(keys.USER_NAMES)):
        user = user_tables.user(reader, user_tables.decode_user_name(row).user)
        if user is None or key not in user_tables.names_of(user):
            yield f"row {key.hex()}: leads to a user of another name"


def _check_keys(reader: Reader) -> Iterator[str]:
    """What a user has as keys are its credentials, and the other way round."""
    for key, row in reader.scan(*keys.stretch(keys.USER_KEYS)):
        user_tables.decode_thing(row)
        user_id, access_key = _pair(key)
        found = tables.credential(reader, AccessKey(access_key))
        if found is None or found.user != user_id or found.is_root:
            yield f"user {user_id}: has the access key {access_key}, which is not its own"
        if user_tables.user(reader, user_id) is None:
            yield f"access key {access_key}: its user {user_id} is gone"
    for _, row in reader.scan(*keys.stretch(keys.CREDENTIALS)):
        credential = tables.decode_credential(row)
        owner = UserId(credential.user)
        is_users = not credential.is_root and user_tables.user(reader, owner) is not None
        if is_users and not user_tables.has_access_key(reader, owner, credential.access_key):
            yield f"access key {credential.access_key}: its user {owner} does not know it"


def _check_buckets(reader: Reader) -> Iterator[str]:
    """What a user has as buckets are those that name it as owner, and the other way round."""
    for key, row in reader.scan(*keys.stretch(keys.USER_BUCKETS)):
        user_tables.decode_thing(row)
        user_id, name = _pair(key)
        bucket = tables.bucket(reader, BucketName(name))
        if bucket is None or bucket.owner != user_id or user_tables.user(reader, user_id) is None:
            yield f"user {user_id}: has the bucket {name}, which is not its own"
    for _, row in reader.scan(*keys.stretch(keys.BUCKETS)):
        found = tables.decode_bucket(row)
        is_users = user_tables.user(reader, found.owner) is not None
        if is_users and reader.get(keys.user_bucket(found.owner, found.name)) is None:
            yield f"bucket {found.name}: its owner {found.owner} does not know it"


def _pair(key: bytes) -> tuple[UserId, str]:
    user_id, _, name = key[1:].decode().partition("\x00")
    return UserId(user_id), name
