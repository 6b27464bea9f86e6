"""How long one connection may keep us waiting.        Floor: web. Called by: serve, wire.

Law: every wait for a client has one of these deadlines; only tests shorten them.
"""

from dataclasses import dataclass

from mys3d import limits


@dataclass(frozen=True, slots=True)
class Deadlines:
    """All in seconds."""

    handshake: float = limits.handshake_seconds  # TLS only
    keep_alive: float = limits.keep_alive_seconds  # an idle connection, until the first byte of a head
    head: float = limits.head_deadline_seconds  # from the first byte of a head to its last
    body_stall: float = limits.body_stall_seconds  # between two arrivals of body bytes
    write_stall: float = limits.write_stall_seconds  # for one piece of a response
    drain: float = limits.drain_seconds  # of what a refused client still sends
    tick: float = limits.sweep_seconds  # how late a connection may be cut
    graceful: float = limits.graceful_seconds  # at shutdown, for requests in flight
