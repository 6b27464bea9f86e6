"""Whose certificates are believed."""

import ssl
from pathlib import Path

import pytest

from mys3d.bench.trust import SYSTEM, Trust, dial
from tests.bench.tiny_store import certificate, tiny_store


def speak(port: int, trust: Trust, host: str = "127.0.0.1") -> str | None:
    with dial(host, port, trust.context(), 5.0) as found:
        assert isinstance(found, ssl.SSLSocket)
        return found.version()


def test_a_certificate_is_verified_unless_it_need_not_be(tmp_path: Path) -> None:
    shown, authority = certificate(tmp_path)
    with tiny_store(shown) as store:
        port = int(store.server_address[1])
        assert speak(port, Trust(authority)) == speak(port, Trust(verifies=False)) == "TLSv1.3"
        with pytest.raises(ssl.SSLCertVerificationError, match="self-signed certificate"):
            speak(port, SYSTEM)


def test_an_authority_that_did_not_sign_it_is_not_enough(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    shown, _ = certificate(tmp_path)
    _, other = certificate(tmp_path / "other")
    with tiny_store(shown) as store, pytest.raises(ssl.SSLCertVerificationError):
        speak(int(store.server_address[1]), Trust(other))


def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    shown, authority = certificate(tmp_path)
    with tiny_store(shown) as store, pytest.raises(ssl.SSLCertVerificationError, match=r"not valid for '127\.1'"):
        speak(int(store.server_address[1]), Trust(authority), "127.1")


def test_without_tls_it_is_a_plain_connection() -> None:
    with tiny_store() as store, dial("127.0.0.1", int(store.server_address[1]), None, 5.0) as found:
        assert not isinstance(found, ssl.SSLSocket)


@pytest.mark.parametrize("text", [None, "", "no certificate"])
def test_a_file_without_authorities_is_told(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "ca.pem").write_text(text)
    with pytest.raises(ValueError, match=r"ca\.pem holds no certificates in PEM: "):
        Trust(tmp_path / "ca.pem").context()
