"""How long one connection may keep us waiting.        Floor: web. Called by: serve, wire.

Law: every wait for a client has one of these deadlines; only tests shorten them.
"""

from dataclasses import dataclass

from mys3d import limits


@dataclass(frozen=True, slots=True)
class Deadlines:
    """All in seconds, but for the pace of a body."""

    handshake: float = limits.handshake_seconds  # TLS only
    keep_alive: float = limits.keep_alive_seconds  # an idle connection, until the first byte of a head
    head: float = limits.head_deadline_seconds  # from the first byte of a head to its last
    body_stall: float = limits.body_stall_seconds  # between two arrivals of body bytes
    body_pace: float = limits.body_pace_bytes_per_second  # no deadline, but gains time: see Wire.receive
    write_stall: float = limits.write_stall_seconds  # for one piece of a response
    drain: float = limits.drain_seconds  # of what a refused client still sends
    turn_away: float = limits.turn_away_seconds  # for the whole life of a connection that finds no place
    rest: float = limits.rest_seconds  # how long a connection waits at least before it makes place for another
    tick: float = limits.sweep_seconds  # how late a connection may be cut
    graceful: float = limits.graceful_seconds  # at shutdown, for requests in flight
