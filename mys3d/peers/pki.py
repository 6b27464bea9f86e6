"""The private authority and the certificates of nodes.        Floor: driver. Called by: identity, join.

Law: a certificate names exactly one node (`CN` and the DNS name `<node id>.mys3d`), is signed by the cluster's own
authority, and both ends of a lane check the other's. TLS 1.3 only. Keys are EC P-256 (RFC 8446 section 9.1).
"""

import datetime
import ssl
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mys3d.model.names import Instant, NodeId, parse_node_id

DOMAIN: Final = "mys3d"
_SLACK: Final = datetime.timedelta(days=2)  # a node whose clock is behind must still accept a new certificate
_VALID: Final = datetime.timedelta(days=365 * 50)  # revocation is membership, not expiry


@dataclass(frozen=True, slots=True)
class Authority:
    """The cluster's own certificate authority, PEM."""

    certificate: bytes
    key: bytes


def new_key() -> bytes:
    """A new private key, PEM (PKCS 8, not encrypted: the file is 0600)."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def new_authority(cluster_id: bytes, now: Instant) -> Authority:
    key_pem = new_key()
    key = _private_key(key_pem)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{DOMAIN} cluster {cluster_id.hex()}")])
    certificate = (
        _builder(name, name, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(is_authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate.public_bytes(serialization.Encoding.PEM), key_pem)


def new_request(node: NodeId, key_pem: bytes) -> bytes:
    """A certificate signing request, DER."""
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(_node_name(node))
        .sign(_private_key(key_pem), hashes.SHA256())
    )
    return request.public_bytes(serialization.Encoding.DER)


def sign_request(authority: Authority, request_der: bytes, node: NodeId, now: Instant) -> bytes:
    """Certify that the key of the request belongs to `node`, whatever else the request says. Raises ValueError."""
    request = x509.load_der_x509_csr(request_der)
    try:
        public_key, is_signed = request.public_key(), request.is_signature_valid
    except UnsupportedAlgorithm as error:
        raise ValueError(f"a node's key is on the curve P-256: {error}") from error
    if not is_signed:
        raise ValueError("the certificate request is not signed by its own key")
    if isinstance(public_key, ec.EllipticCurvePublicKey) and isinstance(public_key.curve, ec.SECP256R1):
        return _certify(authority, public_key, node, now)
    raise ValueError("a node's key is on the curve P-256")


def certify_key(authority: Authority, key_pem: bytes, node: NodeId, now: Instant) -> bytes:
    """Certificate of `node` for a private key of our own, PEM."""
    return _certify(authority, _private_key(key_pem).public_key(), node, now)


def fingerprint(certificate_pem: bytes) -> str:
    """SHA-256 of the certificate's DER, hex: the pin in a join token."""
    return sha256(der_of(certificate_pem)).hexdigest()


def der_of(certificate_pem: bytes) -> bytes:
    """Raises ValueError."""
    return x509.load_pem_x509_certificate(certificate_pem).public_bytes(serialization.Encoding.DER)


def check_issued(authority_pem: bytes, leaf_der: bytes) -> NodeId:
    """Return the node that `leaf_der` names. Raises ValueError unless the authority issued it."""
    authority, leaf = x509.load_pem_x509_certificate(authority_pem), x509.load_der_x509_certificate(leaf_der)
    try:
        leaf.verify_directly_issued_by(authority)
    except (InvalidSignature, TypeError, ValueError) as error:
        raise ValueError("the certificate is not issued by the pinned authority") from error
    return node_of(leaf_der)


def node_of(certificate_der: bytes) -> NodeId:
    """The node that a certificate names. Raises ValueError when it names none."""
    names = x509.load_der_x509_certificate(certificate_der).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(names) != 1:
        raise ValueError(f"a node's certificate has one common name, found {len(names)}")
    return parse_node_id(str(names[0].value))


def host_of(node: NodeId) -> str:
    return f"{node}.{DOMAIN}"


def server_context(folder: Path) -> ssl.SSLContext:
    """Listens with node.pem; a certificate that is shown is checked. Whether one was shown is the caller's to see."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, folder)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.num_tickets = 0  # lanes live long: sessions are not resumed
    return context


def client_context(folder: Path) -> ssl.SSLContext:
    """Dials with node.pem, and insists on a certificate of our authority for the host name that is dialled."""
    context = _context(ssl.PROTOCOL_TLS_CLIENT, folder)
    context.check_hostname = True
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def joining_context() -> ssl.SSLContext:
    """For a node that knows only the authority's fingerprint: the caller checks the chain before it sends a byte."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _context(protocol: int, folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cafile=str(folder / "ca.pem"))
    context.load_cert_chain(str(folder / "node.pem"), str(folder / "node.key"))
    return context


def _certify(authority: Authority, public_key: ec.EllipticCurvePublicKey, node: NodeId, now: Instant) -> bytes:
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    issuer_key = _private_key(authority.key)
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate = (
        _builder(_node_name(node), issuer.subject, public_key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(is_authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host_of(node))]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, now: Instant
) -> x509.CertificateBuilder:
    moment = datetime.datetime.fromtimestamp(now / 1000, datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - _SLACK)
        .not_valid_after(moment + _VALID)
    )


def _usage(is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _node_name(node: NodeId) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, node)])


def _private_key(key_pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(key_pem, password=None)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key
    raise ValueError("a private key on the curve P-256 was expected")
