"""The consortium's certificate authority: who may open a connection, and as whom.

A certificate says which member is on the line, so that nobody else's quota is used up; what a
member says on the ledger is signed by its ledger key, whatever the line. ECDSA P-256 (TLS 1.3).
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from collegium.errors import RunError, reason_of
from collegium.ledger.genesis import MEMBER_ID
from collegium.ledger.keyfile import write_private

CA_CERTIFICATE, CA_KEY = "ca.pem", "ca.key"
SERVER_CERTIFICATE, SERVER_KEY = "server.pem", "server.key"
CLIENT_CERTIFICATE, CLIENT_KEY = "client.pem", "client.key"
CLIENT_REQUEST = "client.csr"

MEMBER_URI = "urn:collegium:member:"
AUTHORITY_DAYS = 3653
CERTIFICATE_DAYS = 825
_SKEW = timedelta(hours=1)  # clocks differ


def create_authority(folder: Path, name: str) -> None:
    """Make a new authority: ``ca.pem`` to hand out, ``ca.key`` to keep.

    Args:
        folder: where; it is made if it is not there.
        name: the consortium's, printed in its certificates.

    Raises:
        RunError: there is one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(f"{name[:50]} CA")
    only_itself = x509.BasicConstraints(ca=True, path_length=0)
    built = (
        _begun(subject, subject, key.public_key(), AUTHORITY_DAYS)
        .add_extension(only_itself, critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    write_private(folder / CA_KEY, _key_bytes(key))
    (folder / CA_CERTIFICATE).write_bytes(built.public_bytes(Encoding.PEM))


def certify_server(authority: Path, out: Path, hosts: Sequence[str]) -> None:
    """Make a key and a certificate for whoever listens: ``server.pem``, ``server.key``.

    Args:
        authority: the authority's folder.
        out: where they go, with the authority's own certificate.
        hosts: names and addresses under which it is reached.

    Raises:
        RunError: the authority cannot be read, or a key is there already.
    """
    signing = _authority(authority)
    key = ec.generate_private_key(ec.SECP256R1())
    out.mkdir(parents=True, exist_ok=True)
    write_private(out / SERVER_KEY, _key_bytes(key))
    names = x509.SubjectAlternativeName([_host(one) for one in hosts])
    _issue(
        signing, out, SERVER_CERTIFICATE, hosts[0], names, ExtendedKeyUsageOID.SERVER_AUTH,
        key.public_key(),
    )  # fmt: skip


def request_client(tls: Path, member: str) -> Path:
    """Ask for a member's certificate: return ``client.csr``, made with ``client.key``.

    Args:
        tls: the folder of the member's TLS files; a key that is there is used again.
        member: its id.

    Raises:
        RunError: the key cannot be read.
    """
    tls.mkdir(parents=True, exist_ok=True)
    path = tls / CLIENT_KEY
    if not path.exists():
        write_private(path, _key_bytes(ec.generate_private_key(ec.SECP256R1())))
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise _bad_request(str(path), "it holds no key that can be read") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise _bad_request(str(path), "its key is of another kind")
    asked = x509.CertificateSigningRequestBuilder().subject_name(_name(member)).sign(key, SHA256())
    (tls / CLIENT_REQUEST).write_bytes(asked.public_bytes(Encoding.PEM))
    return tls / CLIENT_REQUEST


def sign_request(authority: Path, out: Path, member: str, request: bytes) -> None:
    """Sign what a member has asked for: ``client.pem`` and ``ca.pem``, and no key.

    Only the public key is taken from the request; the rest of the certificate is this side's.

    Raises:
        RunError: the authority cannot be read, it is no member's id, or the request is another
            member's, not signed by its own key, or of another kind of key.
    """
    _require_member(member)
    try:
        asked = x509.load_pem_x509_csr(request)
        genuine = asked.is_signature_valid
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _bad_request("the request", "it is none") from error
    key = asked.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _bad_request("the request", "its key is not of P-256")
    if not genuine:
        raise _bad_request("the request", "its signature is not by its own key")
    if asked.subject != _name(member):
        raise _bad_request("the request", f"it is not of {member!r}")
    _issue(_authority(authority), out, CLIENT_CERTIFICATE, member, _member_names(member),
           ExtendedKeyUsageOID.CLIENT_AUTH, key)  # fmt: skip


def _bad_request(what: str, why: str) -> RunError:
    return RunError(
        "transport.request", f"{what} cannot be used for a certificate", why,
        "let the member make one by `collegium node request`",
    )  # fmt: skip


def _require_member(member: str) -> None:
    if not MEMBER_ID.fullmatch(member):
        raise RunError(
            "transport.member", f"{member!r} is no member's id",
            "a certificate names the member that holds it",
            "use the id that the genesis has: a-z, 0-9, - and _",
        )  # fmt: skip


def _member_names(member: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.UniformResourceIdentifier(MEMBER_URI + member)])


def member_of(certificate: object) -> str | None:
    """Return the member that a peer's certificate names, as Python's ssl shows a verified one.

    None where it names none: such as an auditor's, who may read what every monitor may.
    """
    names = certificate.get("subjectAltName", ()) if isinstance(certificate, dict) else ()
    found = [
        value.removeprefix(MEMBER_URI)
        for kind, value in names
        if kind == "URI" and value.startswith(MEMBER_URI)
    ]
    return found[0] if len(found) == 1 and MEMBER_ID.fullmatch(found[0]) else None


@dataclass(frozen=True, slots=True)
class _Authority:
    """An authority that was read from its folder."""

    folder: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def _authority(authority: Path) -> _Authority:
    try:
        issuer = x509.load_pem_x509_certificate((authority / CA_CERTIFICATE).read_bytes())
        signer = load_pem_private_key((authority / CA_KEY).read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise RunError(
            "transport.authority", f"{authority} holds no authority that can sign",
            str(error) or type(error).__name__, "name the folder with ca.pem and ca.key",
        ) from error  # fmt: skip
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise RunError(
            "transport.authority", f"{authority} holds no authority that can sign",
            "its key is of another kind", "make a new authority",
        )  # fmt: skip
    return _Authority(authority, issuer, signer)


def _issue(
    authority: _Authority, out: Path, file: str, common: str, names: x509.SubjectAlternativeName,
    purpose: x509.ObjectIdentifier, key: ec.EllipticCurvePublicKey,
) -> None:  # fmt: skip
    issuer, signer = authority.certificate, authority.key
    out.mkdir(parents=True, exist_ok=True)
    certificate = (
        _begun(_name(common[:60]), issuer.subject, key, CERTIFICATE_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(names, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, SHA256())
    )
    (out / file).write_bytes(certificate.public_bytes(Encoding.PEM))
    if out != authority.folder:
        (out / CA_CERTIFICATE).write_bytes(issuer.public_bytes(Encoding.PEM))


def _begun(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + timedelta(days=days))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False,
        key_cert_sign=signs_certificates, crl_sign=signs_certificates, encipher_only=False,
        decipher_only=False,
    )  # fmt: skip


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def server_context(certificate: Path, key: Path, authority: Path) -> ssl.SSLContext:
    """Return TLS that asks everybody for a certificate of the authority.

    Raises:
        RunError: a file is missing or is none of a certificate or key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(authority)
    except (OSError, ssl.SSLError) as error:
        raise RunError(
            "transport.tls", f"{certificate.parent} has no usable certificate and key",
            reason_of(error), "restore the folder, or have a new certificate made",
        ) from error  # fmt: skip
    return context
