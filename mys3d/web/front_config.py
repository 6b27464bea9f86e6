"""What Hypercorn hands to each connection of one listener.        Floor: web. Called by: serve, connection.

Law: the values are those measured and argued in `docs/decisions/0002-hypercorn-connection-handler.md`.
"""

import logging

import hypercorn

from mys3d.web.deadlines import Deadlines
from mys3d.web.lobby import Lobby


class FrontConfig(hypercorn.Config):
    """Hypercorn's configuration, with our deadlines and the idle connections of this listener."""

    def __init__(self, bind: str, deadlines: Deadlines) -> None:
        super().__init__()
        self.bind = [bind]
        self.backlog = 2048
        self.workers = 1
        self.accesslog = None
        self.errorlog = logging.getLogger("mys3d.hypercorn")
        self.graceful_timeout = deadlines.graceful
        self.alpn_protocols = ["http/1.1"]
        self.lobby = Lobby(deadlines)
