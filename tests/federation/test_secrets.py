"""A node's secrets: HKDF as RFC 5869 has it, one file that only its owner reads."""

from __future__ import annotations

import hmac
import stat
from hashlib import sha256
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import RunError
from collegium.federation.identity import identity, member_key
from collegium.federation.secrets import SECRET_SIZE, derive, keep_secret, simulated_secret
from collegium.ledger.hpke import hkdf

SECRET = bytes(range(SECRET_SIZE))


def reference(secret: bytes, salt: bytes, info: bytes, size: int) -> bytes:
    """HKDF-SHA-256 as RFC 5869 writes it: extract, then T(1) | T(2) | …"""
    key = hmac.new(salt or bytes(32), secret, sha256).digest()
    blocks = [b""]
    for number in range(1, -(-size // 32) + 1):
        blocks.append(hmac.new(key, blocks[-1] + info + bytes([number]), sha256).digest())
    return b"".join(blocks)[:size]


# RFC 5869, appendix A: input key material, salt, info, output.
VECTORS = [
    (
        "0b" * 22,
        "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ),
    (
        bytes(range(0x00, 0x50)).hex(),
        bytes(range(0x60, 0xB0)).hex(),
        bytes(range(0xB0, 0x100)).hex(),
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e"
        "590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
    ),
    (
        "0b" * 22,
        "",
        "",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    ),
]


@pytest.mark.parametrize(("secret", "salt", "info", "output"), VECTORS)
def test_the_vectors_of_rfc_5869(secret: str, salt: str, info: str, output: str) -> None:
    expected = bytes.fromhex(output)
    given_ = bytes.fromhex(secret), bytes.fromhex(salt), bytes.fromhex(info)
    assert reference(*given_, len(expected)) == expected
    if not salt:
        assert hkdf(given_[0], given_[2], len(expected)) == expected


@given(st.binary(min_size=1), st.binary(), st.integers(1, 255 * 32))
def test_it_is_hkdf_without_a_salt(secret: bytes, info: bytes, size: int) -> None:
    assert hkdf(secret, info, size) == reference(secret, b"", info, size)


def test_no_two_purposes_contexts_or_secrets_share_bytes() -> None:
    found = [
        derive(SECRET, "salt"), derive(SECRET, "signing"), derive(SECRET, "salt", b""),
        derive(SECRET, "salt", b"ab", b"c"), derive(SECRET, "salt", b"a", b"bc"),
        derive(SECRET[::-1], "salt"), simulated_secret(7, "va"), simulated_secret(8, "va"),
        simulated_secret(7, "va1"), simulated_secret(71, "va"),
    ]  # fmt: skip
    assert all(len(one) == 32 for one in found)
    assert all(one != other for one, other in combinations(found, 2))


def test_a_salt_is_of_one_attempt_on_one_ledger() -> None:
    ours, theirs = identity("va", b"1" * 32, SECRET), identity("va", b"2" * 32, SECRET)
    salts = [
        ours.salt("heart", 1, 1), ours.salt("heart", 1, 2), ours.salt("heart", 2, 1),
        ours.salt("heart2", 1, 1), theirs.salt("heart", 1, 1),
    ]  # fmt: skip
    assert len(set(salts)) == len(salts)
    assert ours.salt("heart", 1, 1) == salts[0]
    assert ours.commitment_key("heart") != theirs.commitment_key("heart")


def test_an_identity_shows_nothing_secret() -> None:
    assert repr(identity("va", b"1" * 32, SECRET)) == "Identity(member='va')"
    assert member_key(SECRET).public == identity("va", b"1" * 32, SECRET).key.public


def test_the_file_is_its_owners_alone_and_stays_as_it_is(tmp_path: Path) -> None:
    home = tmp_path / "members" / "va"
    assert keep_secret(home, SECRET) == SECRET
    assert stat.S_IMODE((home / "secret").stat().st_mode) == 0o600
    assert keep_secret(home, bytes(32)) == SECRET
    assert [path.name for path in home.iterdir()] == ["secret"]


def test_what_an_interrupted_writing_left_is_written_again(tmp_path: Path) -> None:
    (tmp_path / "secret.partial").write_bytes(b"half")
    assert keep_secret(tmp_path, SECRET) == SECRET
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_file_that_is_no_secret_is_named(tmp_path: Path, size: int) -> None:
    (tmp_path / "secret").write_bytes(bytes(size))
    with pytest.raises(RunError) as caught:
        keep_secret(tmp_path, SECRET)
    assert caught.value.code == "secret.malformed"
    assert str(tmp_path / "secret") in caught.value.what
