"""Chains, pins and names."""

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mys3d.peers import pki


@pytest.fixture
def authority(room):
    return pki.new_authority(room.CLUSTER, room.NOW)


def leaf(authority, room):
    return pki.der_of(pki.certify_key(authority, pki.new_key(), room.A, room.NOW))


def test_a_certificate_names_one_node_and_its_host(authority, room):
    der = leaf(authority, room)
    names = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert pki.check_issued(authority.certificate, der) == pki.node_of(der) == room.A
    assert names.value.get_values_for_type(x509.DNSName) == [f"{room.A}.mys3d"]


def test_a_certificate_of_another_authority_is_refused(authority, room):
    other = pki.new_authority(room.CLUSTER, room.NOW)  # the same name, another key
    with pytest.raises(ValueError, match="not issued"):
        pki.check_issued(other.certificate, leaf(authority, room))


def test_the_authority_is_no_node(authority):
    with pytest.raises(ValueError, match="node id"):
        pki.node_of(pki.der_of(authority.certificate))


def test_a_request_is_certified_for_the_node_that_was_admitted(authority, room):
    request = pki.new_request(room.B, pki.new_key())
    signed = pki.sign_request(authority, request, room.A, room.NOW)
    assert pki.check_issued(authority.certificate, pki.der_of(signed)) == room.A


def test_a_request_whose_signature_is_wrong_is_refused(authority, room):
    request = bytearray(pki.new_request(room.A, pki.new_key()))
    request[request.index(room.A.encode())] ^= 3  # a letter of the subject
    with pytest.raises(ValueError, match="not signed by its own key"):
        pki.sign_request(authority, bytes(request), room.A, room.NOW)


def test_a_request_with_an_unknown_kind_of_key_is_refused(authority, room):
    request = bytearray(pki.new_request(room.A, pki.new_key()))
    request[request.index(bytes.fromhex("06072a8648ce3d0201")) + 8] ^= 1  # another object identifier
    with pytest.raises(ValueError, match="P-256"):
        pki.sign_request(authority, bytes(request), room.A, room.NOW)


def test_a_request_with_another_kind_of_key_is_refused(authority, room):
    key = rsa.generate_private_key(65537, 2048)
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    with pytest.raises(ValueError, match="P-256"):
        pki.sign_request(authority, request.public_bytes(serialization.Encoding.DER), room.A, room.NOW)


def test_garbage_is_no_request(authority, room):
    with pytest.raises(ValueError):  # cryptography words it
        pki.sign_request(authority, b"garbage", room.A, room.NOW)


def test_the_pin_is_the_sha256_of_the_authority(authority):
    certificate = x509.load_pem_x509_certificate(authority.certificate)
    assert pki.fingerprint(authority.certificate) == certificate.fingerprint(hashes.SHA256()).hex()


def test_certificates_hold_for_decades_and_forgive_a_late_clock(authority, room):
    made = datetime.datetime.fromtimestamp(room.NOW / 1000, datetime.UTC)
    for der in (pki.der_of(authority.certificate), leaf(authority, room)):
        found = x509.load_der_x509_certificate(der)
        assert found.not_valid_before_utc <= made - datetime.timedelta(days=1)
        assert found.not_valid_after_utc > made + datetime.timedelta(days=365 * 40)


def test_a_node_is_no_authority(authority, room):
    found = x509.load_der_x509_certificate(leaf(authority, room)).extensions
    assert not found.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not found.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


async def test_contexts_speak_tls_1_3_only(cluster, room):
    folder = cluster.identity(room.A, {}).tls
    for context in (pki.server_context(folder), pki.client_context(folder), pki.joining_context()):
        assert context.minimum_version.name == "TLSv1_3"
    assert pki.client_context(folder).check_hostname
