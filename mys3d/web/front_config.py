"""What Hypercorn hands to each connection of one listener.        Floor: web. Called by: serve, connection.

Law: the values are those measured and argued in `docs/decisions/0002-hypercorn-connection-handler.md`.
"""

import logging
import ssl

import hypercorn
from hypercorn.config import Sockets

from mys3d import limits
from mys3d.web.arrivals import Arrivals
from mys3d.web.certificate import Certificate
from mys3d.web.deadlines import Deadlines
from mys3d.web.lobby import Lobby


class FrontConfig(hypercorn.Config):
    """Hypercorn's configuration, with our deadlines and the idle connections of this listener."""

    def __init__(
        self,
        bind: str,
        deadlines: Deadlines,
        certificate: Certificate | None = None,
        connections_max: int = limits.connections_max,
    ) -> None:
        super().__init__()
        self.bind = [bind]
        self.backlog = 2048
        self.workers = 1
        self.accesslog = None
        self.errorlog = logging.getLogger("mys3d.hypercorn")
        self.graceful_timeout = deadlines.graceful
        self.alpn_protocols = ["http/1.1"]
        self.arrivals = Arrivals()
        self.lobby = Lobby(deadlines, connections_max)
        self.certificate = certificate
        if certificate is not None:
            self.certfile, self.keyfile = str(certificate.chain), str(certificate.key)

    def create_ssl_context(self) -> ssl.SSLContext | None:
        context: ssl.SSLContext | None = super().create_ssl_context()
        if context is not None and self.certificate is not None:
            self.certificate.attach(context)
        self.arrivals.context = context
        return context

    def create_sockets(self) -> Sockets:
        sockets = super().create_sockets()
        self.arrivals.listen(sockets.secure_sockets + sockets.insecure_sockets)
        return sockets
