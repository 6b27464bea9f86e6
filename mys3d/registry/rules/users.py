"""Rules of users and their keys.        Floor: registry (pure).

Law: an id, a name, an e-mail and an access key belong to one user at most, and no id is an access key: the owner of a
bucket is one of the two.
"""

from typing import assert_never

from mys3d import limits
from mys3d.errors import Reason, Rejected
from mys3d.model.access import Credential, User
from mys3d.model.names import AccessKey, UserId
from mys3d.registry import tables, user_tables
from mys3d.registry.codec import FORMAT
from mys3d.registry.moment import Moment
from mys3d.registry.outcomes import Applied, Outcome
from mys3d.registry.transaction import Transaction
from mys3d.registry.user_commands import CreateKey, CreateUser, DeleteKey, DeleteUser, UserCommand


def rule(tx: Transaction, at: Moment, command: UserCommand) -> Outcome:
    match command:
        case CreateUser():
            return create(tx, at, command)
        case DeleteUser():
            return delete(tx, at, command)
        case CreateKey():
            return create_key(tx, at, command)
        case DeleteKey():
            return delete_key(tx, at, command)
        case _:
            assert_never(command)


def create(tx: Transaction, at: Moment, command: CreateUser) -> Outcome:
    if user_tables.user(tx, command.id) is not None or tables.credential(tx, AccessKey(command.id)) is not None:
        return Rejected(Reason.USER_EXISTS, command.id)
    if user_tables.user_named(tx, command.name) is not None:
        return Rejected(Reason.USER_EXISTS, command.name)
    if command.email and user_tables.user_of_email(tx, command.email) is not None:
        return Rejected(Reason.USER_EXISTS, command.email)
    user_tables.put_user(tx, User(FORMAT, command.id, command.name, command.email, created_at=at.now))
    return Applied(at.index)


def delete(tx: Transaction, at: Moment, command: DeleteUser) -> Outcome:
    found = user_tables.user(tx, command.id)
    if found is None:
        return Rejected(Reason.NO_SUCH_USER, command.id)
    if user_tables.bucket_names(tx, command.id, "", 1):
        return Rejected(Reason.USER_OWNS_BUCKETS, found.name)
    for access_key in user_tables.access_keys(tx, command.id, limits.keys_per_user_max):
        _drop_key(tx, command.id, access_key)
    user_tables.drop_user(tx, found)
    return Applied(at.index)


def create_key(tx: Transaction, at: Moment, command: CreateKey) -> Outcome:
    if user_tables.user(tx, command.user) is None:
        return Rejected(Reason.NO_SUCH_USER, command.user)
    is_taken = tables.credential(tx, command.access_key) is not None
    if is_taken or user_tables.user(tx, UserId(command.access_key)) is not None:
        return Rejected(Reason.ACCESS_KEY_EXISTS)
    if len(user_tables.access_keys(tx, command.user, limits.keys_per_user_max)) >= limits.keys_per_user_max:
        return Rejected(Reason.TOO_LARGE, f"a user has at most {limits.keys_per_user_max} access keys")
    record = Credential(FORMAT, command.access_key, command.sealed_secret, command.user, False, created_at=at.now)
    tables.put_credential(tx, record)
    user_tables.put_access_key(tx, command.user, command.access_key)
    return Applied(at.index)


def delete_key(tx: Transaction, at: Moment, command: DeleteKey) -> Outcome:
    found = tables.credential(tx, command.access_key)
    if found is None or not user_tables.has_access_key(tx, UserId(found.user), command.access_key):
        return Rejected(Reason.NO_SUCH_ACCESS_KEY, command.access_key)
    _drop_key(tx, UserId(found.user), command.access_key)
    return Applied(at.index)


def _drop_key(tx: Transaction, user: UserId, access_key: AccessKey) -> None:
    tables.drop_credential(tx, access_key)
    user_tables.drop_access_key(tx, user, access_key)
