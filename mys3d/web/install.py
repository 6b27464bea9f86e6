"""Puts our connection handler into Hypercorn.        Floor: web. Called by: serve.

Law: only the release whose `worker_serve` we have read is touched, and the rebinding is looked at, not assumed.
Source: hypercorn 0.18.0, `hypercorn/trio/run.py`: `worker_serve` names the module global `TCPServer`.
"""

import importlib.metadata
from typing import Final

import hypercorn.trio.run

from mys3d.web.connection import Connection

HYPERCORN: Final = "0.18.0"


def install() -> None:
    """Rebind `hypercorn.trio.run.TCPServer`. Doing it again changes nothing."""
    version = importlib.metadata.version("hypercorn")
    assert version == HYPERCORN, f"hypercorn {HYPERCORN} was expected, found {version}"
    run = hypercorn.trio.run
    vars(run)["TCPServer"] = Connection
    assert run.worker_serve.__globals__["TCPServer"] is Connection, (
        "hypercorn's worker_serve does not use our connection handler"
    )
    assert "TCPServer" in run.worker_serve.__code__.co_names, "worker_serve does not name TCPServer"
