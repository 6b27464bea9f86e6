"""Who may speak to the store.        Floor: model (pure). Called by: registry, policy, operations.

Law: a secret is stored only sealed under the cluster key; the registry never sees it in plain text.
"""

import msgspec

from mys3d.model.names import AccessKey, Instant


class Credential(msgspec.Struct, frozen=True, array_like=True):
    """The row of one access key."""

    format: int
    access_key: AccessKey
    sealed_secret: bytes  # nonce (12 bytes) + AES-256-GCM ciphertext, bound to the access key
    user: str
    is_root: bool
    created_at: Instant


class JoinToken(msgspec.Struct, frozen=True, array_like=True):
    """The row of one join token: only the BLAKE3 digest of its secret is kept."""

    format: int
    secret_digest: bytes
    expires_at: Instant
