"""Who may speak to the store.        Floor: model (pure). Called by: registry, policy, operations.

Law: a secret is stored only sealed under the cluster key; the registry never sees it in plain text.
"""

import msgspec

from mys3d.model.names import AccessKey, Instant, UserId


class Credential(msgspec.Struct, frozen=True, array_like=True):
    """The row of one access key."""

    format: int
    access_key: AccessKey
    sealed_secret: bytes  # nonce (12 bytes) + AES-256-GCM ciphertext, bound to the access key
    user: str  # a user id; a word of our own for root's
    is_root: bool
    created_at: Instant


class User(msgspec.Struct, frozen=True, array_like=True):
    """The row of one user. Root has none: it is the user of a key that says so."""

    format: int
    id: UserId
    name: str
    email: str  # empty: none
    created_at: Instant


class JoinToken(msgspec.Struct, frozen=True, array_like=True):
    """The row of one join token: only the BLAKE3 digest of its secret is kept."""

    format: int
    secret_digest: bytes
    expires_at: Instant
