"""Joining, from the token's text to the files, and every way it is refused."""

import pytest
import trio

from mys3d import limits
from mys3d.errors import Reason, Rejected, Unavailable
from mys3d.model.digest import digest_of
from mys3d.model.members import Addresses
from mys3d.peers import identity, join, pki
from mys3d.ports import JoinAdmission

SECRET = bytes(range(16))


@pytest.fixture
async def door(cluster, room):
    """A listening member, the token that leads to it, and what the joiner says of itself."""
    await cluster.start(room.A)
    cluster.services[room.A].admission = JoinAdmission(room.CLUSTER, (cluster.member(room.A),))
    token = join.token_for(cluster.identities[room.A], SECRET, cluster.addresses[room.A])
    return token, join.Candidate("n2", Addresses("h:9010", "h:9011", "h:9012"), "attic", 2**40)


def changed(token, **fields):
    return join.Token(**{name: fields.get(name, getattr(token, name)) for name in ("pin", "secret", "address")})


async def test_a_token_is_read_back_from_its_text(door):
    token, _ = door
    assert join.parse_token(f" {token.text()}\n") == token
    assert token.text() == f"MYS1.{token.pin}.{SECRET.hex()}@{token.address}"


@pytest.mark.parametrize(
    "text", ["", "MYS1.ab.cd@h:1", f"MYS2.{'a' * 64}.{'b' * 32}@h:1", f"MYS1.{'a' * 64}.{'b' * 32}@h", "nonsense"]
)
def test_other_text_is_no_token_and_is_not_repeated(text):
    with pytest.raises(ValueError, match="looks like MYS1") as raised:
        join.parse_token(text)
    assert "b" * 32 not in str(raised.value)


async def test_a_joiner_becomes_a_member(door, cluster, room, tmp_path):
    token, candidate = door
    made = await join.join(token, tmp_path / "new", candidate, room.Dice("j"))
    (command,) = cluster.services[room.A].joins
    assert identity.load(tmp_path / "new") == made
    assert (made.cluster_id, made.cluster_key) == (room.CLUSTER, b"k" * 32)
    assert made.seeds == {room.A: token.address, made.node: "h:9012"}
    assert (command.node, command.incarnation) == (made.node, made.incarnation)
    assert (command.name, command.zone, command.capacity_bytes) == ("n2", "attic", 2**40)
    assert command.secret_digest == digest_of(SECRET)
    assert made.authority == cluster.authority  # so that this node can admit the next one


async def test_the_new_member_reaches_the_old_one(door, cluster, room, tmp_path):
    token, candidate = door
    made = await join.join(token, tmp_path / "new", candidate, room.Dice("j"))
    cluster.identities[made.node], cluster.services[made.node] = made, room.Service(made.node)
    peers = await cluster.start(made.node)
    assert not peers.reachable(room.A)
    with pytest.raises(Unavailable):
        await peers.status(room.A)  # admitted, but node A has not been told yet
    cluster.peers[room.A].set_members([cluster.member(made.node)])
    await room.until(lambda: peers.reachable(room.A) and cluster.peers[room.A].reachable(made.node))


@pytest.mark.parametrize("message", ["expired", "used"])
async def test_a_token_that_the_registry_refuses_is_rejected_and_nothing_is_written(
    door, cluster, room, tmp_path, message
):
    token, candidate = door
    cluster.services[room.A].error = Rejected(Reason.TOKEN_INVALID, message)
    with pytest.raises(Rejected, match="expired or was used: make another") as raised:
        await join.join(token, tmp_path / "new", candidate, room.Dice("j"))
    assert raised.value.reason == Reason.TOKEN_INVALID
    assert list((tmp_path / "new").iterdir()) == []


async def test_other_refusals_keep_their_reason(door, cluster, room, tmp_path):
    token, candidate = door
    cluster.services[room.A].error = Rejected(Reason.MEMBER_EXISTS, "n2")
    with pytest.raises(Rejected) as raised:
        await join.join(token, tmp_path / "new", candidate, room.Dice("j"))
    assert raised.value == Rejected(Reason.MEMBER_EXISTS, "n2")


async def test_a_cluster_without_majority_says_try_again(door, cluster, room, tmp_path):
    token, candidate = door
    cluster.services[room.A].error = Unavailable("no leader")
    with pytest.raises(Unavailable, match="did not admit this node: no leader"):
        await join.join(token, tmp_path / "new", candidate, room.Dice("j"))


async def test_the_secret_is_not_sent_to_a_node_of_another_cluster(door, cluster, room, tmp_path):
    token, candidate = door
    with pytest.raises(Rejected, match="not of the cluster that made this token; nothing was sent"):
        await join.join(changed(token, pin="0" * 64), tmp_path / "new", candidate, room.Dice("j"))
    assert cluster.services[room.A].joins == []


async def test_showing_the_right_authority_without_its_certificate_is_not_enough(cluster, room, nursery, tmp_path):
    """An impostor has seen the real authority's certificate, which is public, but has a certificate of its own."""
    impostor = pki.new_authority(room.CLUSTER, room.NOW)
    cluster.identities[room.A] = cluster.identity(room.A, {}, authority=impostor)
    cluster.services[room.A] = room.Service(room.A)
    await cluster.start(room.A, shown=cluster.authority)
    token = join.Token(pki.fingerprint(cluster.authority.certificate), SECRET, cluster.addresses[room.A])
    candidate = join.Candidate("n2", Addresses("h:1", "h:2", "h:3"), "z", 1)
    with pytest.raises(Rejected, match="not issued by the pinned authority"):
        await join.join(token, tmp_path / "new", candidate, room.Dice("j"))
    assert cluster.services[room.A].joins == []


async def test_an_address_where_nobody_listens_is_unavailable(door, cluster, room, tmp_path):
    token, candidate = door
    free = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = free[0].socket.getsockname()[1]
    await free[0].aclose()
    with pytest.raises(Unavailable, match=f"no node answers at 127.0.0.1:{port}"):
        await join.join(changed(token, address=f"127.0.0.1:{port}"), tmp_path / "new", candidate, room.Dice("j"))


async def test_a_server_that_is_no_node_is_unavailable(door, nursery, room, tmp_path):
    token, candidate = door

    async def web(stream):
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await stream.aclose()

    listeners = await nursery.start(trio.serve_tcp, web, 0)
    address = f"127.0.0.1:{listeners[0].socket.getsockname()[1]}"
    with pytest.raises(Unavailable, match="no node answers"):
        await join.join(changed(token, address=address), tmp_path / "new", candidate, room.Dice("j"))
    nursery.cancel_scope.cancel()


async def test_a_directory_in_use_is_refused_before_the_token_is_used(door, cluster, room, tmp_path):
    token, candidate = door
    (tmp_path / "file").write_text("taken")
    for place in (cluster.identities[room.A].directory, tmp_path / "file"):
        with pytest.raises(Unavailable, match=r"belongs to a node already|cannot be used"):
            await join.join(token, place, candidate, room.Dice("j"))
    assert cluster.services[room.A].joins == []


async def test_a_joiner_that_says_too_much_is_refused(door, cluster, room, tmp_path):
    token, candidate = door
    long = join.Candidate("n" * limits.join_frame_bytes_max, candidate.addresses, "z", 1)
    with pytest.raises(Unavailable, match="at most 16384 bytes"):
        await join.join(token, tmp_path / "new", long, room.Dice("j"))
    assert cluster.services[room.A].joins == []
