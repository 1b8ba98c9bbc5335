"""Secrets of 32 bytes in files: a log key, a node's secret. Nothing else reads or writes them.

The form is PKCS#8 PEM with an Ed25519 key (RFC 8410), which other programs read as well: plain
in a file of mode 0600, or encrypted under a passphrase (RFC 8018, PBES2 with PBKDF2-HMAC-SHA-256
and AES-256-CBC). The encrypted form is encoded here, because `cryptography` writes 2048 rounds of
PBKDF2 and no more; it reads any number.
"""

from __future__ import annotations

import os
from base64 import encodebytes
from collections.abc import Callable
from hashlib import pbkdf2_hmac
from pathlib import Path
from secrets import token_bytes

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from collegium.errors import RunError, reason_of
from collegium.ledger.durability import sync_names

SECRET_SIZE = 32
PASSPHRASE_VARIABLE = "COLLEGIUM_PASSPHRASE"  # noqa: S105 - a variable's name
ROUNDS = 600_000

AskPassphrase = Callable[[], str | None]
"""Asks whoever started the program, and only where a file needs it; None where nobody answers."""

_SEQUENCE, _INTEGER, _OCTETS, _NULL = 0x30, 0x02, 0x04, b"\x05\x00"
_ED25519 = bytes.fromhex("06032b6570")
_PBES2 = bytes.fromhex("06092a864886f70d01050d")
_PBKDF2 = bytes.fromhex("06092a864886f70d01050c")
_HMAC_SHA256 = bytes.fromhex("06082a864886f70d0209")
_AES256_CBC = bytes.fromhex("060960864801650304012a")


def passphrase_of_environment() -> str | None:
    """Return what the environment variable COLLEGIUM_PASSPHRASE holds, or None."""
    return os.environ.get(PASSPHRASE_VARIABLE) or None


def write_secret(path: Path, secret: bytes, passphrase: str | None) -> None:
    """Keep a secret in a new file that only its owner may read.

    Args:
        path: where; its folder exists.
        secret: 32 bytes, the seed of an Ed25519 key or of what else is derived from it.
        passphrase: encrypts it; None leaves it to the file's mode.

    Raises:
        RunError: the file exists.
    """
    if len(secret) != SECRET_SIZE:
        raise ValueError(f"a secret has {SECRET_SIZE} bytes, not {len(secret)}")
    key = _der(_SEQUENCE, b"\x02\x01\x00", _der(_SEQUENCE, _ED25519), _wrapped(secret))
    label = b"PRIVATE KEY"
    if passphrase is not None:
        key, label = _encrypted(key, passphrase.encode()), b"ENCRYPTED PRIVATE KEY"
    write_private(path, _pem(label, key))


def write_private(path: Path, data: bytes) -> None:
    """Write a new file of mode 0600, whole and synced or not at all.

    Raises:
        RunError: the file exists.
    """
    if path.exists():
        raise RunError(
            "key.exists", f"{path} exists", "a key that is there is never overwritten",
            "choose another folder, or go on with the one that is there",
        )  # fmt: skip
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_names(path.parent)


def read_secret(path: Path, ask: AskPassphrase) -> bytes:
    """Return the secret that a file holds.

    Raises:
        RunError: it is missing, open to others, no such file, or the passphrase is another one.
    """
    data = read_private(path)
    passphrase = None
    if b"ENCRYPTED" in data.partition(b"\n")[0]:
        passphrase = ask()
        if not passphrase:
            raise RunError(
                "key.passphrase", f"{path} is encrypted", "no passphrase was given",
                f"set {PASSPHRASE_VARIABLE}, or start in a terminal and type it",
            )  # fmt: skip
    try:
        key = load_pem_private_key(data, passphrase.encode() if passphrase else None)
        return key.private_bytes_raw()  # type: ignore[union-attr]
    except (ValueError, TypeError, AttributeError, UnsupportedAlgorithm) as error:
        if passphrase:
            raise RunError(
                "key.passphrase", f"{path} cannot be decrypted",
                "the passphrase is another one, or the file was changed",
                f"check {PASSPHRASE_VARIABLE}; restore the file from its backup",
            ) from error  # fmt: skip
        raise RunError(
            "key.malformed", f"{path} holds no key of ours",
            "it is not an Ed25519 key in PKCS#8 PEM",
            "restore it from its backup",
        ) from error  # fmt: skip


def read_private(path: Path) -> bytes:
    """Return the bytes of a file that nobody but its owner may read.

    Raises:
        RunError: it is missing, or open to others.
    """
    try:
        mode = path.stat().st_mode
        data = path.read_bytes()
    except OSError as error:
        raise RunError(
            "key.unreadable", f"{path} cannot be read", reason_of(error),
            "check the path, or restore the file from its backup",
        ) from error  # fmt: skip
    if os.name == "posix" and mode & 0o077:
        raise RunError(
            "key.exposed", f"{path} may be read by others", f"its mode is {mode & 0o777:04o}",
            f"run `chmod 600 {path}`, and replace the key if somebody may have read it",
        )  # fmt: skip
    return data


def _encrypted(key: bytes, passphrase: bytes) -> bytes:
    """Return the EncryptedPrivateKeyInfo of a PrivateKeyInfo (RFC 5958, RFC 8018 section 6.2)."""
    salt, start = token_bytes(16), token_bytes(16)
    cipher = Cipher(AES256(pbkdf2_hmac("sha256", passphrase, salt, ROUNDS)), CBC(start))
    padding = 16 - len(key) % 16
    encryptor = cipher.encryptor()
    hidden = encryptor.update(key + bytes([padding]) * padding) + encryptor.finalize()
    rounds = _der(_INTEGER, ROUNDS.to_bytes(3, "big"))
    digest = _der(_SEQUENCE, _HMAC_SHA256, _NULL)
    derivation = _der(_SEQUENCE, _PBKDF2, _der(_SEQUENCE, _der(_OCTETS, salt), rounds, digest))
    encryption = _der(_SEQUENCE, _AES256_CBC, _der(_OCTETS, start))
    scheme = _der(_SEQUENCE, _PBES2, _der(_SEQUENCE, derivation, encryption))
    return _der(_SEQUENCE, scheme, _der(_OCTETS, hidden))


def _wrapped(secret: bytes) -> bytes:
    return _der(_OCTETS, _der(_OCTETS, secret))


def _der(tag: int, *parts: bytes) -> bytes:
    """Return a DER value; everything here is shorter than 256 bytes."""
    body = b"".join(parts)
    length = bytes([len(body)]) if len(body) < 128 else bytes([0x81, len(body)])
    return bytes([tag]) + length + body


def _pem(label: bytes, data: bytes) -> bytes:
    lines = b"".join(encodebytes(data).split(b"\n"))
    wrapped = b"\n".join(lines[i : i + 64] for i in range(0, len(lines), 64))
    return b"-----BEGIN %s-----\n%s\n-----END %s-----\n" % (label, wrapped, label)
