"""The token, and the joiner's side of it.        Floor: driver. Called by: node.

Law: the secret is sent only over a channel whose certificate was issued by the authority that the token pins.
Nothing is written before the grant is here, and the directory is known to be writable before the token is used up.
Source: the k3s join token, whose CA hash pins the server before any secret is sent.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio

from mys3d import limits
from mys3d.errors import Reason, Rejected, Unavailable
from mys3d.model.members import Addresses
from mys3d.peers import channel, frames, handshake, identity, messages, pki
from mys3d.peers.channel import Channel
from mys3d.peers.connection import Connection
from mys3d.peers.frames import Kind
from mys3d.peers.identity import Identity, Membership
from mys3d.peers.messages import Grant, Join, Refused
from mys3d.ports import Entropy
from mys3d.registry.levels import LEVEL

_TOKEN: Final = re.compile(r"MYS1\.([0-9a-f]{64})\.([0-9a-f]{32})@([^\s@]+:[0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Token:
    """What `mys3d token` prints: whom to trust, the secret, and where to knock."""

    pin: str  # SHA-256 of the authority's certificate, hex
    secret: bytes
    address: str  # a member's peers address, host:port

    def text(self) -> str:
        return f"MYS1.{self.pin}.{self.secret.hex()}@{self.address}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a joining node says of itself."""

    name: str
    addresses: Addresses
    zone: str
    capacity_bytes: int


def parse_token(text: str) -> Token:
    """Raises ValueError, without repeating the secret."""
    found = _TOKEN.fullmatch(text.strip())
    if found is None:
        raise ValueError("a join token looks like MYS1.<64 hex digits>.<32 hex digits>@host:port: copy the whole line")
    pin, secret, address = found.groups()
    return Token(pin, bytes.fromhex(secret), address)


def token_for(me: Identity, secret: bytes, address: str) -> Token:
    """The token of a secret that this node's registry knows; `address` is where this node listens for peers."""
    return Token(pki.fingerprint(me.authority.certificate), secret, address)


async def join(token: Token, directory: Path, candidate: Candidate, entropy: Entropy) -> Identity:
    """Become a member and write the identity. Raises Rejected (token refused, wrong cluster), Unavailable."""
    if identity.exists(directory):
        raise Unavailable(f"{directory} belongs to a node already: start it, or name another directory")
    identity.check_writable(directory)
    node, incarnation, key = identity.new_node_id(entropy), entropy.token(identity.ID_BYTES), pki.new_key()
    asked = Join(
        format=messages.FORMAT,
        secret=token.secret,
        request_der=pki.new_request(node, key),
        node=node,
        name=candidate.name,
        incarnation=incarnation,
        addresses=candidate.addresses,
        zone=candidate.zone,
        capacity_bytes=candidate.capacity_bytes,
        level=LEVEL,
    )
    grant = await _ask(token, asked)
    membership = Membership(
        cluster_id=grant.cluster_id,
        node=node,
        incarnation=incarnation,
        seeds={**grant.seeds, node: candidate.addresses.peers},
        cluster_key=grant.cluster_key,
        authority=pki.Authority(grant.authority_pem, grant.authority_key_pem),
        certificate=grant.certificate_pem,
        key=key,
    )
    return identity.create(directory, membership)


async def _ask(token: Token, asked: Join) -> Grant:
    try:
        with trio.fail_after(limits.peer_handshake_seconds):
            tls = await channel.connect(token.address, pki.joining_context(), None)
    except (OSError, trio.TooSlowError) as error:
        raise Unavailable(f"no node answers at {token.address}: {str(error) or 'timeout'}") from error
    try:
        with trio.fail_after(limits.join_deadline_seconds):
            return await _converse(tls, token, asked)
    except trio.TooSlowError as error:
        raise Unavailable(f"{token.address} did not answer the join in {limits.join_deadline_seconds:.0f} s") from error
    except OSError as error:
        raise Unavailable(f"the connection to {token.address} broke: {error}") from error
    except ValueError as error:
        raise Unavailable(f"{token.address} does not answer as a mys3d node: {error}") from error
    finally:
        tls.close()


async def _converse(tls: Channel, token: Token, asked: Join) -> Grant:
    connection = Connection(tls, limits.join_frame_bytes_max)
    shown = handshake.expect(await handshake.one_frame(connection), Kind.AUTHORITY)
    _verify_pin(tls, bytes(shown.payload), token)
    connection.admit(limits.control_frame_bytes_max)
    await tls.send(frames.encode(Kind.JOIN, 0, messages.encode(asked)))
    answer = await handshake.one_frame(connection)
    if answer.kind == Kind.REFUSED:
        raise _refusal(messages.decode(answer.payload, Refused), token)
    handshake.check_format(handshake.expect(answer, Kind.GRANT).payload)
    grant = messages.decode(answer.payload, Grant)
    if pki.fingerprint(grant.authority_pem) != token.pin:
        raise ValueError("the grant holds another authority than the token pins")
    return grant


def _verify_pin(tls: Channel, authority_pem: bytes, token: Token) -> None:
    """The certificate that TLS proved must be issued by the authority whose fingerprint the token carries."""
    try:
        is_pinned = pki.fingerprint(authority_pem) == token.pin
        certificate = tls.certificate
        if is_pinned and certificate is not None:
            pki.check_issued(authority_pem, certificate)
            return
    except ValueError as error:
        raise Rejected(Reason.TOKEN_INVALID, f"{token.address} could not prove its cluster: {error}") from error
    raise Rejected(
        Reason.TOKEN_INVALID, f"{token.address} is not of the cluster that made this token; nothing was sent"
    )


def _refusal(refused: Refused, token: Token) -> Exception:
    if refused.reason == Reason.TOKEN_INVALID:
        return Rejected(Reason.TOKEN_INVALID, "the token has expired or was used: make another with `mys3d token`")
    if refused.reason in set(Reason):
        return Rejected(Reason(refused.reason), refused.message)
    return Unavailable(f"{token.address} did not admit this node: {refused.message}")
