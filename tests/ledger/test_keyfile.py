"""Key files: private to their owner, readable by other programs, never overwritten."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from collegium.errors import RunError
from collegium.ledger.keyfile import passphrase_of_environment, read_secret, write_secret

SECRET = bytes(range(32))


def never() -> str | None:
    raise AssertionError("nobody may be asked")


@pytest.mark.parametrize("passphrase", [None, "correct horse", "pässwörd"])
def test_a_secret_comes_back(tmp_path: Path, passphrase: str | None) -> None:
    path = tmp_path / "log.key"
    write_secret(path, SECRET, passphrase)
    assert read_secret(path, never if passphrase is None else lambda: passphrase) == SECRET
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["log.key"]


@pytest.mark.parametrize("passphrase", [None, b"correct horse"])
def test_another_library_reads_what_is_written(tmp_path: Path, passphrase: bytes | None) -> None:
    path = tmp_path / "log.key"
    write_secret(path, SECRET, passphrase.decode() if passphrase else None)
    key = load_pem_private_key(path.read_bytes(), passphrase)
    assert isinstance(key, Ed25519PrivateKey)
    assert key.private_bytes_raw() == SECRET


def test_a_plain_file_is_byte_for_byte_what_another_library_writes(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    write_secret(path, SECRET, None)
    theirs = Ed25519PrivateKey.from_private_bytes(SECRET)
    pem = theirs.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert path.read_bytes() == pem


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_reads_an_encrypted_file(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    write_secret(path, SECRET, "correct horse")
    command = ["openssl", "pkey", "-in", str(path), "-passin", "pass:correct horse", "-text"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "00:01:02:03" in done.stdout


def test_what_another_library_encrypted_is_read(tmp_path: Path) -> None:
    theirs = Ed25519PrivateKey.from_private_bytes(SECRET)
    encryption = BestAvailableEncryption(b"correct horse")
    path = tmp_path / "log.key"
    path.write_bytes(theirs.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    path.chmod(0o600)
    assert read_secret(path, lambda: "correct horse") == SECRET


def test_an_encrypted_file_does_not_hold_the_secret(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    write_secret(path, SECRET, "correct horse")
    first = path.read_bytes()
    path.unlink()
    write_secret(path, SECRET, "correct horse")
    assert path.read_bytes() != first  # salted


def refusal(path: Path, passphrase: str | None = None) -> str:
    with pytest.raises(RunError) as caught:
        read_secret(path, lambda: passphrase)
    return caught.value.code


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    write_secret(path, SECRET, None)
    with pytest.raises(RunError, match=r"key\.exists"):
        write_secret(path, bytes(32), None)
    assert read_secret(path, never) == SECRET


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    write_secret(path, SECRET, None)
    path.chmod(0o640)
    assert refusal(path) == "key.exposed"


def test_a_missing_or_wrong_passphrase_is_told_apart_from_a_broken_file(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    assert refusal(path) == "key.unreadable"
    write_secret(path, SECRET, "correct horse")
    assert refusal(path) == "key.passphrase"
    assert refusal(path, "battery staple") == "key.passphrase"
    path.write_bytes(b"no key at all")
    assert refusal(path) == "key.malformed"


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    theirs = generate_private_key(SECP256R1())
    path.write_bytes(theirs.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    assert refusal(path) == "key.malformed"


def test_the_passphrase_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLLEGIUM_PASSPHRASE", raising=False)
    assert passphrase_of_environment() is None
    monkeypatch.setenv("COLLEGIUM_PASSPHRASE", "")
    assert passphrase_of_environment() is None
    monkeypatch.setenv("COLLEGIUM_PASSPHRASE", "correct horse")
    assert passphrase_of_environment() == "correct horse"
