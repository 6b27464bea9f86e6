"""Users and their access keys, made, told and removed.        Floor: engine. Called by: the admin API.

Law: a secret is told once, by the answer that made it; what is stored is sealed. What is told was applied.
"""

import base64
import re
from typing import Final

import msgspec

from mys3d import limits
from mys3d.engine.vault import NONCE_BYTES, Vault
from mys3d.errors import Reason, Rejected
from mys3d.model.access import User
from mys3d.model.names import AccessKey, UserId
from mys3d.ports import Ports
from mys3d.registry import queries
from mys3d.registry.transaction import Reader
from mys3d.registry.user_commands import CreateKey, CreateUser, DeleteKey, DeleteUser

_USER_ID_BYTES: Final = 32
_ACCESS_KEY_BYTES: Final = 12
_SECRET_BYTES: Final = 25  # 40 characters, as long as those of AWS
_EMAIL: Final = re.compile(r"[!-?A-~]+@[!-?A-~]+")  # ASCII with one "@", without spaces: nothing is sent there


class NewUserAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    email: str = ""


class UserAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One user, by id, name or e-mail."""

    user: str


class UsersAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All users. `user`: only that one, by id, name or e-mail."""

    user: str = ""


class KeyAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    access_key: str


async def create_user(ports: Ports, asked: NewUserAsked) -> dict[str, object]:
    """Raises Rejected (USER_EXISTS, TOO_LARGE, INVALID_COMMAND), Unavailable, OutcomeUnknown."""
    _check_name(asked)
    if len(await ports.registry.scan(queries.users)) >= limits.users_max:
        raise Rejected(Reason.TOO_LARGE, f"there are {limits.users_max} users already")
    user_id = UserId(ports.entropy.token(_USER_ID_BYTES).hex())
    await ports.registry.propose(CreateUser(user_id, asked.name, asked.email))
    return _told(ports.registry.view(), _found(ports.registry.view(), user_id))


async def list_users(ports: Ports, asked: UsersAsked) -> list[dict[str, object]]:
    """Raises Rejected NO_SUCH_USER, Unavailable."""
    await ports.registry.barrier()
    if asked.user:
        view = ports.registry.view()
        return [_told(view, _found(view, asked.user))]
    return await ports.registry.scan(lambda reader: [_told(reader, user) for user in queries.users(reader)])


async def delete_user(ports: Ports, asked: UserAsked) -> dict[str, object]:
    """Remove a user and its keys. Raises Rejected (NO_SUCH_USER, USER_OWNS_BUCKETS), Unavailable, OutcomeUnknown."""
    await ports.registry.barrier()
    found = _found(ports.registry.view(), asked.user)
    told = _told(ports.registry.view(), found)
    await ports.registry.propose(DeleteUser(found.id))
    return told


async def create_key(ports: Ports, vault: Vault, asked: UserAsked) -> dict[str, object]:
    """Raises Rejected (NO_SUCH_USER, TOO_LARGE), Unavailable, OutcomeUnknown."""
    await ports.registry.barrier()
    user = _found(ports.registry.view(), asked.user)
    access_key = AccessKey("MY" + _text(ports.entropy.token(_ACCESS_KEY_BYTES))[:18])
    secret = _text(ports.entropy.token(_SECRET_BYTES)).lower()
    sealed = vault.seal(access_key, secret, ports.entropy.token(NONCE_BYTES))
    await ports.registry.propose(CreateKey(access_key, sealed, user.id))
    return {"access_key": access_key, "secret_key": secret, "user": user.name, "user_id": user.id}


async def delete_key(ports: Ports, asked: KeyAsked) -> dict[str, object]:
    """Raises Rejected NO_SUCH_ACCESS_KEY, Unavailable, OutcomeUnknown."""
    await ports.registry.propose(DeleteKey(AccessKey(asked.access_key)))
    return {"access_key": asked.access_key}


def _check_name(asked: NewUserAsked) -> None:
    if not 1 <= len(asked.name) <= limits.user_name_chars_max or not asked.name.isprintable():
        raise Rejected(Reason.INVALID_COMMAND, f"a name has 1 to {limits.user_name_chars_max} printable characters")
    is_email = len(asked.email) <= limits.email_chars_max and _EMAIL.fullmatch(asked.email)
    if asked.email and not is_email:
        raise Rejected(Reason.INVALID_COMMAND, f"not an e-mail address: {asked.email}")


def _found(reader: Reader, words: str) -> User:
    found = queries.find_user(reader, words)
    if found is None:
        raise Rejected(Reason.NO_SUCH_USER, words)
    return found


def _told(reader: Reader, user: User) -> dict[str, object]:
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "created_at": user.created_at,
        "access_keys": queries.access_keys(reader, user.id),
    }


def _text(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=")
