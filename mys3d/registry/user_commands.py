"""What may be asked of the registry about users and their keys.        Floor: registry (pure). Called by: commands.

Law: as in `commands`: ids are chosen by the proposer, and a secret comes sealed. Tags are bytes on disk: never
rename one.
"""

import msgspec

from mys3d.model.names import AccessKey, UserId


class CreateUser(msgspec.Struct, frozen=True, array_like=True, tag="user"):
    """Add a user. Refused: USER_EXISTS (its id, name or e-mail is taken)."""

    id: UserId
    name: str
    email: str  # ASCII; empty: none


class DeleteUser(msgspec.Struct, frozen=True, array_like=True, tag="rmuser"):
    """Remove a user and all its keys. Refused: NO_SUCH_USER, USER_OWNS_BUCKETS."""

    id: UserId


class CreateKey(msgspec.Struct, frozen=True, array_like=True, tag="key"):
    """Give a user one key more. Refused: NO_SUCH_USER, ACCESS_KEY_EXISTS, TOO_LARGE (it has the most it may have)."""

    access_key: AccessKey
    sealed_secret: bytes
    user: UserId


class DeleteKey(msgspec.Struct, frozen=True, array_like=True, tag="rmkey"):
    """Remove a key of a user. Refused: NO_SUCH_ACCESS_KEY (also root's: it belongs to no user)."""

    access_key: AccessKey


UserCommand = CreateUser | DeleteUser | CreateKey | DeleteKey
