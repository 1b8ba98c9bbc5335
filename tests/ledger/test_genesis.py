"""The genesis is the ledger's identity, and says who its members are; docs/spec/3-genesis.md."""

from typing import Any

import msgspec
import pytest
from examples import second_verifier
from tests.ledger.vectors import PUBLISHED, VECTORS

from collegium import canonical
from collegium.canonical import to_text
from collegium.errors import FormatError
from collegium.ledger.genesis import (
    Genesis,
    Member,
    Predecessor,
    check_member,
    decode_genesis,
    encode_genesis,
    genesis_digest,
)
from collegium.ledger.keys import key_id, signing_key


def key(number: int) -> str:
    return to_text(signing_key(bytes([number]) * 32).public)


def member(identifier: str = "ada", number: int = 1, **fields: Any) -> Member:
    usual = {"key": key(number), "name": "Ada", "power": 1, "roles": ("owner", "validator")}
    return Member(id=identifier, **{**usual, **fields})


def genesis(*members: Member, **fields: Any) -> Genesis:
    usual: dict[str, Any] = {
        "chain": "test", "contract": 1, "format": 1, "keys": "held", "log": key(0),
        "members": members or (member(),), "modules": ("plain@1",),
    }  # fmt: skip
    return Genesis(**{**usual, **fields})


def old(**fields: Any) -> Predecessor:
    """The end of an old ledger."""
    said = {"block": key(1), "genesis": key(2), "root": key(3), "size": 7}
    return Predecessor(**{**said, **fields})


def by_the_second(data: bytes) -> bool:
    """Whether the second verifier accepts a genesis."""
    try:
        second_verifier.read_genesis(data)
    except Exception:
        return False
    return True


@pytest.mark.parametrize("vector", VECTORS["genesis"])
def test_the_worked_geneses(vector: dict[str, Any]) -> None:
    data = vector["bytes"].encode()
    found = decode_genesis(data)
    assert encode_genesis(found) == data
    assert genesis_digest(data).hex() == vector["digest"]
    for one in found.members:
        assert key_id(canonical.from_text(one.key, 32)).hex() == vector["key_ids"][one.id]
    assert second_verifier.read_genesis(data).identity.hex() == vector["digest"]


MIXED_ORDER = to_text(bytes.fromhex(PUBLISHED["ed25519_edge_cases"]["vectors"][3]["public"]))
REFUSED = {
    "a later contract": genesis(contract=3),
    "a later format": genesis(format=2),
    "a chain with capitals": genesis(chain="Test"),
    "a chain without a name": genesis(chain=""),
    "a log key of small order": genesis(log=to_text(bytes(32))),
    "a short log key": genesis(log=key(0)[:-2]),
    "members out of order": genesis(member("bo", 2), member("ada", 1)),
    "a member twice": genesis(member("ada", 1), member("ada", 2)),
    "a key twice": genesis(member("ada", 1), member("bo", 1)),
    "the log's key for a member": genesis(member("ada", 0)),
    "nobody who validates": genesis(member(roles=("owner",), power=0)),
    "nobody": genesis(members=()),
    "an id with a space": genesis(member("a da")),
    "an id that is too long": genesis(member("a" * 41)),
    "an id that starts with a sign": genesis(member("-a")),
    "a key of mixed order": genesis(member(key=MIXED_ORDER)),
    "no role": genesis(member(), member("bo", 2, roles=(), power=0)),
    "roles out of order": genesis(member(roles=("validator", "owner"))),
    "a role twice": genesis(member(roles=("validator", "validator"))),
    "a validator without power": genesis(member(), member("bo", 2, power=0)),
    "too much power": genesis(member(power=2**32 + 1)),
    "power without a role for it": genesis(member(), member("bo", 2, roles=("site",))),
    "no name": genesis(member(name="")),
    "a name that is too long": genesis(member(name="a" * 61)),
    "modules out of order": genesis(modules=("secagg@1", "plain@1")),
    "a module twice": genesis(modules=("plain@1", "plain@1")),
    "a module without a version": genesis(modules=("plain",)),
    "a module of version 0": genesis(modules=("plain@0",)),
    "a module that is none": genesis(modules=("Plain text@1",)),
    "ordered within no block": genesis(contract=2, ordered_within=0),
    "ordered within too many blocks": genesis(contract=2, ordered_within=1001),
    "ordered within blocks that contract 1 does not count": genesis(ordered_within=8),
    "ordered within blocks by nobody": genesis(contract=2, log=msgspec.UNSET, ordered_within=8),
    "a successor of a short digest": genesis(succeeds=old(root=key(1)[:-2])),
    "a successor of nothing": genesis(succeeds=old(size=0)),
    "a successor of too much": genesis(succeeds=old(size=2**53)),
}
UNSEEN = {
    "a key of mixed order",
    "a successor of nothing",
    "ordered within blocks by nobody",
}  # the second verifier says that it does not look


@pytest.mark.parametrize("case", REFUSED)
def test_what_contradicts_the_rules_is_no_genesis(case: str) -> None:
    with pytest.raises(FormatError):
        encode_genesis(REFUSED[case])
    data = canonical.encode(REFUSED[case])
    with pytest.raises(FormatError):
        decode_genesis(data)
    assert by_the_second(data) is (case in UNSEEN)


@pytest.mark.parametrize("bound", [{}, {"ordered_within": 1}, {"ordered_within": 1000}])
def test_what_the_rules_allow_at_their_edges_is_one(bound: dict[str, int]) -> None:
    edge = genesis(
        member("0" + "_-" * 19 + "a", power=2**32), member("bo", 2, roles=("site",), power=0),
        contract=2, **bound,
    )  # fmt: skip
    assert decode_genesis(encode_genesis(edge)) == edge
    assert by_the_second(encode_genesis(edge))


@pytest.mark.parametrize(
    "name", ["A", "7", "Ada's (North) & Co.", "St. Mary", "Universität Łódź", "東京医院", "a" * 60]
)
def test_names_of_institutions(name: str) -> None:
    check_member(member(name=name))


@pytest.mark.parametrize(
    "name",
    ["a_b", " a", "a ", "a\n", "a/b", "a@b", "a,", ".a", "a\u202eb", "a\u0301", "<b>", "a×b", "½"],
)
def test_what_is_not_a_name(name: str) -> None:
    with pytest.raises(FormatError):
        check_member(member(name=name))


@pytest.mark.parametrize(
    "change",
    [(b'"chain"', b'"Chain"'), (b'{"chain"', b'{"a":1,"chain"'), (b',"format":1', b""),
     (b'"format":1', b'"format":"1"'), (b'"held"', b'"lent"'), (b":", b": ")],
)  # fmt: skip
def test_unknown_missing_and_mistyped_fields_are_refused(change: tuple[bytes, bytes]) -> None:
    data = encode_genesis(genesis()).replace(*change)
    with pytest.raises(FormatError):
        decode_genesis(data)
    assert not by_the_second(data)


def test_every_field_counts_for_the_identity() -> None:
    start = genesis(member(), member("bo", 2))
    others = [
        msgspec.structs.replace(start, chain="other"),
        msgspec.structs.replace(start, keys="simulated"),
        msgspec.structs.replace(start, log=key(9)),
        msgspec.structs.replace(start, modules=("plain@2",)),
        genesis(member(), member("bo", 2, power=2)),
    ]
    digests = {genesis_digest(encode_genesis(one)) for one in (start, *others)}
    assert len(digests) == 6
