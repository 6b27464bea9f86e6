"""The operator's certificate: served, renewed while the node runs, and refused when it is none."""

import contextlib
import ssl
from pathlib import Path
from typing import Any

import pytest
import trio

from mys3d import limits
from mys3d.errors import Unavailable
from mys3d.web.certificate import Certificate
from tests.web.certificates import write_pair

GET = b"GET /b/k HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture
def pair(tmp_path: Path) -> Certificate:
    certificate = Certificate(tmp_path / "chain.pem", tmp_path / "key.pem")
    write_pair(certificate.chain, certificate.key, "first")
    return certificate


async def shown(port: int, trusted: Path) -> bytes:
    """One request over TLS, to a server that must show the certificate in `trusted`."""
    context = ssl.create_default_context(cafile=str(trusted))
    stream = await trio.open_ssl_over_tcp_stream("localhost", port, ssl_context=context, https_compatible=True)
    async with stream:
        await stream.send_all(GET)
        answer = b""
        while data := await stream.receive_some(65536):
            answer += data
        return answer


async def test_s3_is_served_over_tls_and_the_admin_port_as_before(open_house: Any, pair: Certificate) -> None:
    house = await open_house(certificate=pair)
    assert house.bound.s3[0].startswith("https://127.0.0.1:")
    assert house.bound.admin[0].startswith("http://127.0.0.1:")
    assert (await shown(house.s3_port, pair.chain)).endswith(b"hello")


async def test_an_application_sees_the_scheme(open_house: Any, pair: Certificate, stand_in: Any) -> None:
    house = await open_house(stand_in, certificate=pair)
    await shown(house.s3_port, pair.chain)
    assert stand_in.requests[0].scheme == "https"


async def test_plain_http_on_a_tls_port_is_closed_and_harms_nobody(open_house: Any, pair: Certificate) -> None:
    house = await open_house(certificate=pair)
    assert b"hello" not in await house.talk(GET)
    assert (await shown(house.s3_port, pair.chain)).endswith(b"hello")


async def test_a_renewed_pair_is_shown_to_the_next_client(open_house: Any, pair: Certificate) -> None:
    house = await open_house(certificate=pair)
    assert not pair.renew()
    write_pair(pair.chain, pair.key, "a-longer-name-than-the-first")
    assert pair.renew()
    assert (await shown(house.s3_port, pair.chain)).endswith(b"hello")


async def test_half_a_renewal_keeps_the_old_pair(open_house: Any, pair: Certificate, tmp_path: Path) -> None:
    house = await open_house(certificate=pair)
    old = tmp_path / "old.pem"
    old.write_bytes(pair.chain.read_bytes())
    write_pair(pair.chain, tmp_path / "unused.pem", "a-longer-name-than-the-first")
    for _ in range(2):
        with pytest.raises(Unavailable, match="cannot be used"):
            pair.renew()
    assert (await shown(house.s3_port, old)).endswith(b"hello")
    (tmp_path / "unused.pem").replace(pair.key)
    assert pair.renew()
    assert (await shown(house.s3_port, pair.chain)).endswith(b"hello")


async def test_a_renewal_is_noticed_by_itself(
    open_house: Any, pair: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "certificate_look_seconds", 0.01)
    house = await open_house(certificate=pair)
    pair.key.unlink()
    write_pair(pair.chain, pair.key, "a-longer-name-than-the-first")
    answer = b""
    with trio.fail_after(60):
        while not answer:
            with contextlib.suppress(trio.BrokenResourceError):  # the old pair is still shown
                answer = await shown(house.s3_port, pair.chain)
    assert answer.endswith(b"hello")


@pytest.mark.parametrize("broken", ["chain", "key"])
def test_what_cannot_be_served_is_refused_with_its_path(pair: Certificate, broken: str) -> None:
    path: Path = getattr(pair, broken)
    path.write_text("no certificate")
    with pytest.raises(Unavailable, match=path.name):
        pair.check()
    path.unlink()
    with pytest.raises(Unavailable, match=path.name):
        pair.check()


def test_files_that_vanish_are_told(pair: Certificate) -> None:
    pair.check()
    pair.chain.unlink()
    with pytest.raises(Unavailable, match="cannot be read"):
        pair.renew()
