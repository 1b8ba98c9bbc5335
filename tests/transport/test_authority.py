"""The authority: who a certificate names, and that nothing that is there is overwritten."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from tests.transport.kit import certify_member

from collegium.errors import RunError
from collegium.transport.authority import (
    certify_server,
    create_authority,
    member_of,
)


def loaded(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_keys_are_their_owners_alone_and_certificates_chain(tmp_path: Path) -> None:
    create_authority(tmp_path / "ca", "test")
    certify_server(tmp_path / "ca", tmp_path / "server", ["127.0.0.1", "sequencer.example"])
    certify_member(tmp_path / "ca", tmp_path / "client", "va")
    for key in ("ca/ca.key", "server/server.key", "client/client.key"):
        assert stat.S_IMODE((tmp_path / key).stat().st_mode) == 0o600
    authority = loaded(tmp_path / "ca" / "ca.pem")
    for one in ("server/server.pem", "client/client.pem"):
        loaded(tmp_path / one).verify_directly_issued_by(authority)
    assert (tmp_path / "client" / "ca.pem").read_bytes() == (
        tmp_path / "ca" / "ca.pem"
    ).read_bytes()
    client = loaded(tmp_path / "client" / "client.pem")
    (common,) = client.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert common.value == "va"
    assert client.not_valid_after_utc - datetime.now(UTC) > timedelta(days=800)
    usage = client.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert x509.oid.ExtendedKeyUsageOID.SERVER_AUTH not in usage


def test_a_certificate_names_one_member_or_nobody() -> None:
    ours, other = ("URI", "urn:collegium:member:va"), ("URI", "urn:collegium:member:zz")
    assert member_of({"subjectAltName": (ours,)}) == "va"
    assert member_of({"subjectAltName": (("DNS", "va"), ours)}) == "va"
    for names in ((), (ours, other), (("URI", "urn:collegium:member:"),), (("DNS", "va"),)):
        assert member_of({"subjectAltName": names}) is None
    assert member_of({"subjectAltName": (("URI", "urn:collegium:member:../x"),)}) is None
    assert member_of({}) is None
    assert member_of(None) is None


def test_nothing_is_overwritten_and_nobody_is_certified_without_an_authority(
    tmp_path: Path,
) -> None:
    create_authority(tmp_path, "test")
    with pytest.raises(RunError):
        create_authority(tmp_path, "test")
    certify_server(tmp_path, tmp_path / "out", ["127.0.0.1"])
    with pytest.raises(RunError):
        certify_server(tmp_path, tmp_path / "out", ["127.0.0.1"])
    for folder in (tmp_path / "absent", tmp_path / "out"):
        with pytest.raises(RunError) as caught:
            certify_member(folder, tmp_path / "other", "va")
        assert caught.value.code == "transport.authority"
    with pytest.raises(RunError) as caught:
        certify_member(tmp_path, tmp_path / "other", "../va")
    assert caught.value.code == "transport.member"
