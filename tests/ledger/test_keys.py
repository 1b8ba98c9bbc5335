"""One verification rule, here and in a verifier that shares no code; docs/spec/2-transaction.md."""

from typing import Any

import pytest
from examples import second_verifier
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ledger.vectors import PUBLISHED

from collegium.ledger.keys import (
    SigningKey,
    exchange_key,
    key_id,
    signature_holds,
    signing_key,
    usable_key,
)

P, ORDER = second_verifier.P, second_verifier.ORDER
EDGE_CASES = PUBLISHED["ed25519_edge_cases"]["vectors"]


def by_the_second(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the second verifier accepts a signature."""
    try:
        second_verifier.check_signature(public, message, signature)
    except Exception:
        return False
    return True


RULES = [signature_holds, by_the_second]


SMALL_ORDER = [
    (number | sign << 255).to_bytes(32, "little")
    for y in sorted(second_verifier.SMALL_ORDER_Y)
    for number in (y, y + P)
    for sign in (0, 1)
    if number < 1 << 255
]
"""Every encoding of the eight points, canonical or not."""


def fields(vector: dict[str, Any]) -> tuple[bytes, bytes, bytes]:
    public, message, signature = (
        bytes.fromhex(vector[part]) for part in ("public", "message", "signature")
    )
    return public, message, signature


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("vector", PUBLISHED["ed25519"]["vectors"])
def test_the_standards_own_signatures(vector: dict[str, Any], rule: Any) -> None:
    key = signing_key(bytes.fromhex(vector["seed"]))
    public, message, signature = fields(vector)
    assert (key.public, key.sign(message)) == (public, signature)
    assert rule(public, message, signature)
    assert not rule(public, message + b"x", signature)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("vector", EDGE_CASES, ids=lambda vector: str(vector["case"]))
def test_the_published_edge_cases(vector: dict[str, Any], rule: Any) -> None:
    assert rule(*fields(vector)) is vector["accepted"]


def test_there_are_twelve_edge_cases_and_one_is_accepted() -> None:
    assert [vector["case"] for vector in EDGE_CASES if vector["accepted"]] == [3]
    assert len(EDGE_CASES) == 12


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("encoding", SMALL_ORDER, ids=bytes.hex)
def test_no_encoding_of_small_order_is_a_key_or_an_r(encoding: bytes, rule: Any) -> None:
    assert not usable_key(encoding)
    assert not second_verifier.sound(encoding)
    assert not rule(encoding, b"", encoding + bytes(32))
    key = signing_key(bytes(32))
    assert not rule(key.public, b"", encoding + bytes(32))


@pytest.mark.parametrize("rule", RULES)
def test_s_must_be_below_the_group_order(rule: Any) -> None:
    key = signing_key(bytes(32))
    signature = key.sign(b"")
    scalar = int.from_bytes(signature[32:], "little")
    assert rule(key.public, b"", signature)
    assert not rule(key.public, b"", signature[:32] + (scalar + ORDER).to_bytes(32, "little"))


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=40), st.data())
@settings(deadline=None, max_examples=60)
def test_both_rules_agree_on_what_is_tampered_with(
    seed: bytes, message: bytes, data: st.DataObject
) -> None:
    key = signing_key(seed)
    whole = bytearray(key.public + key.sign(message))
    for bit in data.draw(st.lists(st.integers(0, 8 * len(whole) - 1), max_size=3)):
        whole[bit >> 3] ^= 1 << (bit & 7)
    public, signature = bytes(whole[:32]), bytes(whole[32:])
    holds = signature_holds(public, message, signature)
    assert holds == by_the_second(public, message, signature)
    assert holds == (public + signature == key.public + key.sign(message))


@given(st.binary(max_size=70), st.binary(max_size=5), st.binary(max_size=70))
def test_any_bytes_are_judged_alike(public: bytes, message: bytes, signature: bytes) -> None:
    assert not signature_holds(public, message, signature)
    assert not by_the_second(public, message, signature)
    assert not usable_key(public) or len(public) == 32


def test_keys_of_members_lie_in_the_prime_order_group() -> None:
    assert usable_key(signing_key(bytes(32)).public)
    for vector in EDGE_CASES:
        in_the_group = vector["case"] in (6, 7)
        assert usable_key(bytes.fromhex(vector["public"])) is in_the_group
    assert not usable_key(bytes(31))


def test_a_private_key_is_not_shown() -> None:
    key = signing_key(bytes(range(32)))
    assert bytes(range(32)).hex() not in repr(key)
    assert repr(key) == f"SigningKey(public={key.public.hex()})"
    assert isinstance(key, SigningKey)
    assert len(key_id(key.public)) == 32


def test_the_exchange_key_is_the_one_of_the_birational_map() -> None:
    """RFC 7748, section 4.1: u = (1 + y) / (1 - y)."""
    prime = 2**255 - 19
    for number in range(8):
        public = signing_key(bytes([number]) * 32).public
        y = int.from_bytes(public, "little") & (2**255 - 1)
        u = (1 + y) * pow(1 - y, -1, prime) % prime
        assert exchange_key(public) == u.to_bytes(32, "little")


def test_two_members_agree_on_a_secret_by_their_signing_keys() -> None:
    one, other = signing_key(b"1" * 32), signing_key(b"2" * 32)
    shared = one.agree(exchange_key(other.public))
    assert shared == other.agree(exchange_key(one.public))
    assert len(set(shared)) > 8


@pytest.mark.parametrize("key", [b"", bytes(32), b"\1" + bytes(31), b"\xff" * 32, b"short"])
def test_what_is_no_sound_key_gives_no_exchange_key(key: bytes) -> None:
    with pytest.raises(ValueError, match="not a sound"):
        exchange_key(key)


def test_a_peer_of_small_order_gives_no_secret() -> None:
    for peer in (bytes(32), b"\1" + bytes(31)):
        with pytest.raises(ValueError, match="small order"):
            signing_key(b"1" * 32).agree(peer)
