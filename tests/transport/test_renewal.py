"""Certificates: keys stay with members, and new certificates are taken up by what runs."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID
from tests.transport.kit import At, certify_member
from tests.transport.test_serving import made, running

from collegium.errors import RunError
from collegium.ledger.engines.log.delivery import MemberPosition
from collegium.transport.authority import (
    certify_server,
    create_authority,
    request_client,
    server_context,
    sign_request,
)
from collegium.transport.client import HttpsConnection, connect
from collegium.transport.renewal import days_left, renewing


def test_a_member_s_key_never_leaves_its_home(tmp_path: Path) -> None:
    create_authority(tmp_path / "ca", "test")
    request = request_client(tmp_path / "va", "va")
    sign_request(tmp_path / "ca", tmp_path / "out", "va", request.read_bytes())
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["ca.pem", "client.pem"]
    key = load_pem_private_key((tmp_path / "va" / "client.key").read_bytes(), None)
    found = x509.load_pem_x509_certificate((tmp_path / "out" / "client.pem").read_bytes())
    assert found.public_key() == key.public_key()
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [one.value for one in names] == ["urn:collegium:member:va"]
    before = (tmp_path / "va" / "client.key").read_bytes()
    request_client(tmp_path / "va", "va")
    assert (tmp_path / "va" / "client.key").read_bytes() == before


def test_a_request_that_is_another_s_or_forged_is_not_signed(tmp_path: Path) -> None:
    create_authority(tmp_path / "ca", "test")
    mine = request_client(tmp_path / "va", "va").read_bytes()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "va")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    other = builder.sign(ec.generate_private_key(ec.SECP384R1()), SHA256())
    der = bytearray(x509.load_pem_x509_csr(mine).public_bytes(Encoding.DER))
    der[-1] ^= 1
    forged = x509.load_der_x509_csr(bytes(der)).public_bytes(Encoding.PEM)
    for member, request in (
        ("oslo", mine), ("va", b"none"), ("va", forged), ("va", other.public_bytes(Encoding.PEM)),
    ):  # fmt: skip
        with pytest.raises(RunError, match=r"transport\.request"):
            sign_request(tmp_path / "ca", tmp_path / "out", member, request)
    assert not (tmp_path / "out" / "client.pem").exists()


def test_files_that_do_not_belong_together_are_left_alone(tmp_path: Path) -> None:
    create_authority(tmp_path / "ca", "test")
    for name in ("one", "two"):
        certify_server(tmp_path / "ca", tmp_path / name, ["127.0.0.1"])
    one, two = tmp_path / "one", tmp_path / "two"
    paths = one / "server.pem", one / "server.key", one / "ca.pem"
    renew = renewing(lambda: server_context(*paths), *paths)
    assert not renew()
    shutil.copyfile(two / "server.pem", paths[0])
    assert not renew()
    shutil.copyfile(two / "server.key", paths[1])
    assert renew()
    assert not renew()
    paths[2].write_bytes(paths[2].read_bytes()[:200])  # half copied
    assert not renew()
    shutil.copyfile(two / "ca.pem", paths[2])
    assert renew()


def served(home: Path, tls: Path) -> bytes | None:
    context = ssl.create_default_context(cafile=tls / "ca.pem")
    context.load_cert_chain(tls / "client.pem", tls / "client.key")
    host, _, port = (home / "address").read_text().strip()[8:].rpartition(":")
    with (
        socket.create_connection((host, int(port)), 5) as plain,
        context.wrap_socket(plain, server_hostname=host) as line,
    ):
        return line.getpeercert(binary_form=True)


def test_a_running_sequencer_serves_a_renewed_certificate(tmp_path: Path) -> None:
    home = made(tmp_path)
    certify_member(home / "authority", tmp_path / "ada", "ada")
    with running(home):
        before = served(home, tmp_path / "ada")
        certify_server(home / "authority", tmp_path / "new", ["127.0.0.1"])
        for name in ("server.key", "server.pem"):
            shutil.copyfile(tmp_path / "new" / name, home / "tls" / name)
        until = monotonic() + 20
        while served(home, tmp_path / "ada") == before:
            assert monotonic() < until
            sleep(0.5)
        left = days_left(home / "tls" / "server.pem")
        assert left is not None
        assert 824 < left < 826
    events = [
        json.loads(line)["event"] for line in (home / "sequencer.log").read_text().splitlines()
    ]
    assert "certificate renewed" in events


def until_true(there: Callable[[], bool]) -> None:
    """Wait until a running sequencer has looked at its files."""
    until = monotonic() + 20
    while not there():
        assert monotonic() < until
        sleep(0.3)


def reached(line: HttpsConnection) -> bool:
    try:
        line.present(MemberPosition())
    except RunError:
        return False
    return True


@pytest.mark.long
def test_an_authority_is_replaced_while_the_sequencer_and_its_members_run(tmp_path: Path) -> None:
    home = made(tmp_path)
    tls, old, new = home / "tls", home / "authority", tmp_path / "new"
    create_authority(new, "new")
    both = (new / "ca.pem").read_bytes() + (old / "ca.pem").read_bytes()
    for name in ("ada", "bo"):
        certify_member(old, tmp_path / name, name)
    with running(home):
        url = (home / "address").read_text().strip()
        with (
            closing(connect(tmp_path / "ada", At(url))) as ada,
            closing(connect(tmp_path / "bo", At(url))) as bo,
        ):
            assert reached(ada)
            assert reached(bo)
            for folder in (tls, tmp_path / "ada", tmp_path / "bo"):
                (folder / "ca.pem").write_bytes(both)
            certify_member(new, tmp_path / "ada-new", "ada")
            for name in ("client.key", "client.pem"):
                shutil.copyfile(tmp_path / "ada-new" / name, tmp_path / "ada" / name)
            until_true(lambda: reached(ada))
            assert reached(bo), "who has the old certificate is let in as before"
            certify_server(new, tmp_path / "server-new", ["127.0.0.1"])
            before = served(home, tmp_path / "ada")
            for name in ("server.key", "server.pem"):
                shutil.copyfile(tmp_path / "server-new" / name, tls / name)
            until_true(lambda: served(home, tmp_path / "ada") != before)
            assert reached(ada)
            assert reached(bo)
            for folder in (tls, tmp_path / "ada", tmp_path / "bo"):
                shutil.copyfile(new / "ca.pem", folder / "ca.pem")
            until_true(lambda: not reached(bo))
            assert reached(ada), "and the old authority opens nothing any more"
