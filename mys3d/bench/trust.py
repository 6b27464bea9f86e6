"""Whose certificates a target over https may show.        Floor: bench. Called by: connection, target; cli chooses.

Law: a certificate is verified, name and all, unless somebody said in so many words that it need not be.
"""

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Trust:
    """Which authorities are believed."""

    ca: Path | None = None  # the authorities of this file and no others; None: those of the system
    verifies: bool = True

    def context(self) -> ssl.SSLContext:
        """What connections to one target speak TLS with. Raises ValueError naming a file that has no certificates."""
        try:
            found = ssl.create_default_context(cafile=self.ca)
        except OSError as error:
            raise ValueError(f"{self.ca} holds no certificates in PEM: {error.strerror or error}") from error
        found.set_alpn_protocols(["http/1.1"])
        if not self.verifies:
            found.check_hostname = False
            found.verify_mode = ssl.CERT_NONE
        return found


SYSTEM: Final = Trust()


def dial(host: str, port: int, tls: ssl.SSLContext | None, seconds: float) -> socket.socket:
    """Connect, and shake hands if there is TLS; each step of it may take so long. Raises OSError."""
    plain = socket.create_connection((host, port), timeout=seconds)
    return plain if tls is None else tls.wrap_socket(plain, server_hostname=host)
