"""The worked bytes of page 13, made again by a stranger with other libraries."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from tests.ledger.vectors import VECTORS

P = 2**255 - 19
CASES: list[dict[str, Any]] = VECTORS["secagg"] + VECTORS["secagg_plus"]


def tag(what: str) -> bytes:
    return f"collegium/{what}/v1".encode() + b"\0"


def lp(text: str) -> bytes:
    return len(text).to_bytes(4, "big") + text.encode()


def hkdf(secret: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, None, info).derive(secret)


def expand(secret: bytes, info: bytes) -> bytes:
    return HKDFExpand(SHA256(), 32, info).derive(secret)


def stream(key: bytes, size: int) -> bytes:
    return Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor().update(bytes(size))


def public(private: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def shared(private: bytes, other: bytes) -> bytes:
    peer = X25519PublicKey.from_public_bytes(other)
    return X25519PrivateKey.from_private_bytes(private).exchange(peer)


def holders(case: dict[str, Any], dealer: str) -> list[str]:
    return list(case["graph"][dealer] if "graph" in case else case["members"])


def half(case: dict[str, Any], dealer: str, kind: str) -> bytes:
    secret = bytes.fromhex(case["members"][dealer][f"{kind}_secret"])
    bound = bytes.fromhex(case["place"]) + lp(kind) + lp(dealer)
    drawn = stream(expand(secret, tag("secagg-polynomial") + bound), 48 * (case["threshold"] - 1))
    terms = [int.from_bytes(secret, "little")]
    terms += [int.from_bytes(drawn[at : at + 48], "little") % P for at in range(0, len(drawn), 48)]
    ephemeral = expand(secret, tag("secagg-ephemeral") + bound)
    found = public(ephemeral)
    for x, holder in enumerate(holders(case, dealer), 1):
        about = case["members"][holder]
        share = sum(term * x**power for power, term in enumerate(terms)) % P
        raw = share.to_bytes(32, "little")
        found += sha256(tag("secagg-commitment") + bound + lp(holder) + raw).digest()
        pad = hkdf(
            shared(ephemeral, bytes.fromhex(about["share_key"])),
            tag("secagg-share") + bound + lp(holder),
        )
        found += bytes(one ^ other for one, other in zip(raw, pad, strict=True))
    return found


@pytest.mark.parametrize("case", CASES)
def test_deals_are_what_the_page_says(case: dict[str, Any]) -> None:
    for name, about in case["members"].items():
        private = expand(bytes.fromhex(about["mask_secret"]), tag("secagg-mask-key"))
        assert public(private).hex() == about["mask_key"]
        assert public(bytes.fromhex(about["share_private"])).hex() == about["share_key"]
        count = len(holders(case, name)).to_bytes(4, "big")
        deal = tag("deal") + count + half(case, name, "mask") + half(case, name, "self")
        assert deal.hex() == about["deal"]


@pytest.mark.parametrize("case", CASES)
def test_masks_are_what_the_page_says(case: dict[str, Any]) -> None:
    parts = bytes.fromhex(case["place"]) + case["threshold"].to_bytes(8, "big")
    parts += case["degree"].to_bytes(8, "big") if "degree" in case else b""
    parts += bytes.fromhex(case["model"]) + (case["exponent"] + 2**32).to_bytes(8, "big")
    parts += case["ring"].to_bytes(8, "big")
    for name, about in case["members"].items():
        parts += lp(name) + bytes.fromhex(about["mask_key"] + about["share_key"])
    for name, about in case["members"].items():
        parts += lp(name) + sha256(bytes.fromhex(about["deal"])).digest()
    transcript = sha256(tag("secagg-transcript") + parts).digest()
    assert transcript.hex() == case["transcript"]
    for name, values in case["updates"].items():
        own = bytes.fromhex(case["members"][name]["self_secret"])
        keys = {expand(own, tag("secagg-own-mask") + transcript + lp(name)): 1}
        private = expand(
            bytes.fromhex(case["members"][name]["mask_secret"]), tag("secagg-mask-key")
        )
        for other, about in case["members"].items():
            if other != name and other in holders(case, name):
                names = lp(min(name, other)) + lp(max(name, other))
                agreed = shared(private, bytes.fromhex(about["mask_key"]))
                key = hkdf(agreed, tag("secagg-pair-mask") + transcript + names)
                keys[key] = 1 if name < other else -1
        peak = max(map(abs, values))
        saturated = sum(abs(value) == 32767 for value in values)
        sent = [case["weight"] * value for value in values]
        sent += [int(saturated * 1000 > len(values)), int(peak < 8192)]
        body = b""
        for index, value in enumerate(sent):
            for key, sign in keys.items():
                mask = stream(key, 4 * len(sent))[4 * index : 4 * index + 4]
                value += sign * int.from_bytes(mask, "little")
            body += (value % 2**32).to_bytes(4, "little")
        header = tag("masked") + len(sent).to_bytes(8, "big") + b"\4"
        header += case["exponent"].to_bytes(2, "big", signed=True)
        assert (header + body).hex() == case["masked"][name]


@pytest.mark.parametrize("case", VECTORS["secagg_plus"])
def test_graphs_are_what_the_page_says(case: dict[str, Any]) -> None:
    said = lp("heart") + (1).to_bytes(8, "big") + (2).to_bytes(8, "big")
    said += case["degree"].to_bytes(8, "big")
    for name, about in case["members"].items():
        said += lp(name) + bytes.fromhex(about["mask_key"] + about["share_key"])
    drawn = sha256(tag("secagg-graph") + said).digest()
    seed = Scrypt(tag("secagg-graph"), 32, 4096, 8, 1).derive(drawn)
    ring = sorted(case["members"], key=lambda name: sha256(seed + lp(name)).digest())
    half, count = case["degree"] // 2, len(ring)
    for place, name in enumerate(ring):
        steps = [*range(1, half + 1), *range(count - half, count)]
        assert case["graph"][name] == [ring[(place + step) % count] for step in steps]


@pytest.mark.parametrize("case", CASES)
def test_the_sum_is_that_of_the_updates(case: dict[str, Any]) -> None:
    columns = zip(*case["updates"].values(), strict=True)
    expected = [case["weight"] * sum(column) % 2**32 for column in columns]
    assert case["total"][:-2] == expected
