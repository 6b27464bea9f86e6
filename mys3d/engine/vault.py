"""Secrets of access keys, sealed.        Floor: engine. Called by: operations, engine.bootstrap.

Law: a secret leaves this room in plain text only towards a signature check; what is stored is AES-256-GCM under a key
derived from the cluster key, bound to its access key, so that a sealed secret cannot serve another access key.
Source: NIST SP 800-38D; BLAKE3 paper, key derivation mode.
"""

from typing import Final

from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mys3d.errors import Unavailable
from mys3d.model.names import AccessKey

NONCE_BYTES: Final = 12  # NIST SP 800-38D, section 5.2.1.1: the recommended length
_CONTEXT: Final = "mys3d 2026 sealed secrets of access keys"
_OPENED_MAX: Final = 1024  # opened secrets kept in memory; opening one costs about 5 us


class Vault:
    """Seals and opens secrets under one cluster key."""

    def __init__(self, cluster_key: bytes) -> None:
        assert len(cluster_key) == 32, f"a cluster key has 32 bytes, found {len(cluster_key)}"
        self._cipher: Final = AESGCM(blake3(cluster_key, derive_key_context=_CONTEXT).digest())
        self._opened: Final[dict[tuple[AccessKey, bytes], str]] = {}

    def seal(self, access_key: AccessKey, secret: str, nonce: bytes) -> bytes:
        """Return nonce + ciphertext. A nonce is random and never used twice."""
        assert len(nonce) == NONCE_BYTES, f"a nonce has {NONCE_BYTES} bytes, found {len(nonce)}"
        return nonce + self._cipher.encrypt(nonce, secret.encode(), access_key.encode())

    def open(self, access_key: AccessKey, sealed: bytes) -> str:
        """Return the secret. Raises Unavailable when it was sealed under another cluster key or for another name."""
        name = (access_key, sealed)
        opened = self._opened.get(name)
        if opened is not None:
            return opened
        try:
            secret = self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], access_key.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise Unavailable(
                f"the secret of access key {access_key} was not sealed under this cluster's key"
            ) from error
        if len(self._opened) >= _OPENED_MAX:
            self._opened.clear()
        self._opened[name] = secret
        return secret
