"""Rows of users: who they are, what keys and buckets they have.   Floor: registry (pure). Called by: rules, queries.

Law: as in `tables`: only this module knows which record lies under which key. Names, e-mails, keys and buckets of a
user are rows that lead to or from it, so that no rule ever searches.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from mys3d.model.access import User
from mys3d.model.names import AccessKey, BucketName, UserId
from mys3d.registry import keys
from mys3d.registry.codec import FORMAT, decoder, encode
from mys3d.registry.records import UserNameRow, UserThingRow
from mys3d.registry.transaction import Reader, Transaction

decode_user: Final = decoder(User).decode
decode_user_name: Final = decoder(UserNameRow).decode
decode_thing: Final = decoder(UserThingRow).decode


def user(reader: Reader, user_id: UserId) -> User | None:
    row = reader.get(keys.user(user_id))
    return None if row is None else decode_user(row)


def users(reader: Reader) -> Iterator[User]:
    """All users, by id."""
    return (decode_user(row) for _, row in reader.scan(*keys.stretch(keys.USERS)))


def user_named(reader: Reader, name: str) -> UserId | None:
    row = reader.get(keys.user_name(name))
    return None if row is None else decode_user_name(row).user


def user_of_email(reader: Reader, email: str) -> UserId | None:
    row = reader.get(keys.user_email(email))
    return None if row is None else decode_user_name(row).user


def put_user(tx: Transaction, record: User) -> None:
    tx.put(keys.user(record.id), encode(record))
    for key in names_of(record):
        tx.put(key, encode(UserNameRow(FORMAT, record.id)))


def drop_user(tx: Transaction, record: User) -> None:
    for key in (keys.user(record.id), *names_of(record)):
        tx.delete(key)


def names_of(record: User) -> list[bytes]:
    """The keys of the rows that lead to a user."""
    return [keys.user_name(record.name), *([keys.user_email(record.email)] if record.email else [])]


def access_keys(reader: Reader, user_id: UserId, limit: int) -> list[AccessKey]:
    """At most `limit` access keys of a user, sorted."""
    start, stop = keys.stretch(keys.user_key(user_id, ""))
    return [AccessKey(key[len(start) :].decode()) for key, _ in islice(reader.scan(start, stop), limit)]


def has_access_key(reader: Reader, user_id: UserId, access_key: AccessKey) -> bool:
    return reader.get(keys.user_key(user_id, access_key)) is not None


def put_access_key(tx: Transaction, user_id: UserId, access_key: AccessKey) -> None:
    tx.put(keys.user_key(user_id, access_key), encode(UserThingRow(FORMAT)))


def drop_access_key(tx: Transaction, user_id: UserId, access_key: AccessKey) -> None:
    tx.delete(keys.user_key(user_id, access_key))


def bucket_names(reader: Reader, user_id: UserId, after: str, limit: int) -> list[BucketName]:
    """At most `limit` names of a user's buckets that sort behind `after`."""
    start, stop = keys.stretch(keys.user_bucket(user_id, ""))
    first = start + after.encode() + b"\x00" if after else start
    return [BucketName(key[len(start) :].decode()) for key, _ in islice(reader.scan(first, stop), limit)]


def put_bucket_name(tx: Transaction, user_id: UserId, name: BucketName) -> None:
    tx.put(keys.user_bucket(user_id, name), encode(UserThingRow(FORMAT)))


def drop_bucket_name(tx: Transaction, user_id: UserId, name: BucketName) -> None:
    tx.delete(keys.user_bucket(user_id, name))
