"""The operator's certificate on the S3 port.        Floor: web. Called by: front_config, serve, node.

Law: a pair of files that does not fit is refused at the start; later it is told in the log and the old pair serves on,
so that a renewal may write the two files one after the other.
"""

import ssl
from pathlib import Path
from typing import Final

import structlog
import trio

from mys3d import limits
from mys3d.errors import Unavailable

log = structlog.get_logger("mys3d.web")

Stamp = tuple[int, int, int, int]


class Certificate:
    """A chain and its key, both PEM, and the contexts that show them to clients."""

    def __init__(self, chain: Path, key: Path) -> None:
        self.chain: Final = chain
        self.key: Final = key
        self._contexts: Final[list[ssl.SSLContext]] = []
        self._shown: Stamp | None = None  # None: nothing was loaded yet

    def check(self) -> None:
        """Read both files. Raises Unavailable: what is wrong with them. Blocks."""
        try:
            stamp = self._stamp()
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.chain, self.key)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise Unavailable(f"certificate {self.chain} and key {self.key} cannot be used: {error}") from error
        self._shown = stamp

    def attach(self, context: ssl.SSLContext) -> None:
        """Have `context` show what is renewed."""
        self._contexts.append(context)

    def renew(self) -> bool:
        """Load the files when they have changed; True when that was done. Raises Unavailable. Blocks."""
        try:
            if self._stamp() == self._shown:
                return False
        except OSError as error:
            raise Unavailable(f"the certificate cannot be read: {error}") from error
        self.check()
        for context in self._contexts:
            context.load_cert_chain(self.chain, self.key)
        return True

    async def watch(self) -> None:
        """Look for other files until cancelled. Connections that stand keep what they agreed on."""
        while True:
            await trio.sleep(limits.certificate_look_seconds)
            try:
                if await trio.to_thread.run_sync(self.renew):
                    log.info("the certificate was renewed", chain=str(self.chain))
            except Unavailable as error:
                log.warning("the old certificate is kept", why=str(error))

    def _stamp(self) -> Stamp:
        chain, key = self.chain.stat(), self.key.stat()
        return chain.st_mtime_ns, chain.st_size, key.st_mtime_ns, key.st_size
