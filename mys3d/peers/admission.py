"""The door for a node that has a token but no certificate.        Floor: driver. Called by: server.

Law: one frame of at most 16 KiB is heard, under a deadline. The certificate names the node id that the registry
admitted, whatever the request says. The cluster's keys leave only after the admission was committed.
"""

import structlog

from mys3d import limits
from mys3d.errors import Rejected, Unavailable
from mys3d.model.digest import digest_of
from mys3d.model.names import parse_node_id
from mys3d.peers import frames, handshake, messages, pki
from mys3d.peers.channel import Channel
from mys3d.peers.connection import Connection
from mys3d.peers.frames import Kind
from mys3d.peers.identity import ID_BYTES, Identity
from mys3d.peers.messages import Grant, Join, Refused
from mys3d.ports import Clock, PeerService
from mys3d.registry.commands import JoinMember

log = structlog.get_logger("mys3d.peers")


async def admit(tls: Channel, me: Identity, service: PeerService, clock: Clock) -> None:
    """Show our authority, hear one Join, answer it. Raises OSError, ValueError."""
    await tls.send(frames.encode(Kind.AUTHORITY, 0, me.authority.certificate))
    try:
        join = _read(await handshake.one_frame(Connection(tls, limits.join_frame_bytes_max)))
        grant = await _grant(join, me, service, clock)
    except ValueError as error:
        await handshake.refuse(tls, Refused(str(error)))
        raise
    except Rejected as error:
        log.warning("node not admitted", why=str(error))
        await handshake.refuse(tls, Refused(error.detail or str(error.reason), str(error.reason)))
        return
    except Unavailable as error:
        log.warning("node not admitted yet", why=str(error))
        await handshake.refuse(tls, Refused(str(error)))
        return
    log.info("node admitted", node=join.node, name=join.name)
    await tls.send(frames.encode(Kind.GRANT, 0, messages.encode(grant)))


def _read(frame: frames.Frame) -> Join:
    handshake.check_format(handshake.expect(frame, Kind.JOIN).payload)
    join = messages.decode(frame.payload, Join)
    parse_node_id(join.node)
    if len(join.incarnation) != ID_BYTES:
        raise ValueError(f"an incarnation has {ID_BYTES} bytes, found {len(join.incarnation)}")
    return join


async def _grant(join: Join, me: Identity, service: PeerService, clock: Clock) -> Grant:
    """Sign first: a request that cannot be signed must not use up the token."""
    certificate = pki.sign_request(me.authority, join.request_der, join.node, clock.now())
    admission = await service.on_join(
        JoinMember(
            secret_digest=digest_of(join.secret),
            node=join.node,
            name=join.name,
            incarnation=join.incarnation,
            addresses=join.addresses,
            zone=join.zone,
            capacity_bytes=join.capacity_bytes,
            level=join.level,
        )
    )
    assert admission.cluster_id == me.cluster_id, "the registry and the identity file name one cluster"
    return Grant(
        format=messages.FORMAT,
        cluster_id=me.cluster_id,
        cluster_key=me.cluster_key,
        authority_pem=me.authority.certificate,
        authority_key_pem=me.authority.key,
        certificate_pem=certificate,
        seeds={member.id: member.addresses.peers for member in admission.members},
    )
