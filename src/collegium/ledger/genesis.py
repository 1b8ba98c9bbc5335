"""The genesis: the ledger's identity and an outsider's trust root; docs/spec/3-genesis.md."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Literal

import msgspec

from collegium import canonical
from collegium.canonical import LARGEST_INTEGER, from_text, malformed, to_text
from collegium.ledger.hashing import DIGEST_SIZE, tagged_hash
from collegium.ledger.keys import KEY_SIZE, usable_key

Role = Literal["owner", "site", "validator"]

CONTRACT_VERSION = 2
"""The rules that a new ledger has; docs/spec/3-genesis.md tells what each version changed."""

CONTRACT_VERSIONS = range(1, CONTRACT_VERSION + 1)
FORMAT_VERSION = 1

ORDERED_WITHIN = 8
"""Blocks that a new ledger with a sequencer gives it for what a quorum of validators has seen."""

MOST_ORDERED_WITHIN = 1000
LARGEST_POWER = 2**32
MEMBER_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)
MODULE = re.compile(r"[a-z][a-z0-9_]{0,39}@[1-9][0-9]{0,3}", re.ASCII)
# Fixed ranges and not the Unicode tables of a Python version, which grow: who may be admitted
# must not depend on the version. Latin, Greek and Cyrillic, Hebrew, Arabic, kana, Han, Hangul.
_LETTERS = (
    r"0-9A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0370-\u03ff\u0400-\u052f"
    r"\u05d0-\u05ea\u0620-\u064a\u3041-\u3096\u30a1-\u30fa\u30fc\u4e00-\u9fff\uac00-\ud7a3"
)
MEMBER_NAME = re.compile(rf"[{_LETTERS}](?:[{_LETTERS} .,'&()-]{{0,58}}[{_LETTERS}.)])?")


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An institution: its id, printed name, Ed25519 key, roles (sorted), and voting power.

    Power is positive exactly for validators. `consensus` is another Ed25519 key, by which the
    member votes on blocks where the ledger's engine has such votes; it signs no transactions.
    """

    id: str
    key: str
    name: str
    power: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_POWER)]
    roles: tuple[Role, ...]
    consensus: str | msgspec.UnsetType = msgspec.UNSET


class Predecessor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an old ledger ended for its successor: what a checkpoint says, digests as base64url."""

    block: str
    genesis: str
    root: str
    size: int


class Genesis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the first run froze: chain id, versions, whose the keys are, the log key, members.

    `modules` are the mechanisms that studies may use, as ``name@version``, sorted.
    `log` is left out where nobody signs checkpoints for all. `succeeds` is there where a
    consortium that lost its quorum starts again. `ordered_within` are the blocks after which
    validators cosign none that lacks a transaction which a quorum of them has seen; absent: no
    such rule.
    """

    chain: str
    contract: int
    format: int
    keys: Literal["held", "simulated"]
    members: tuple[Member, ...]
    modules: tuple[str, ...]
    log: str | msgspec.UnsetType = msgspec.UNSET
    ordered_within: int | msgspec.UnsetType = msgspec.UNSET
    succeeds: Predecessor | msgspec.UnsetType = msgspec.UNSET


_DECODER = msgspec.json.Decoder(Genesis)


def check_member(member: Member) -> None:
    """Check one member's fields, as a genesis and an admission require.

    Raises:
        FormatError: a field is out of its range or form.
    """
    what = f"member {member.id[:40]!r}"
    if not MEMBER_ID.fullmatch(member.id):
        raise malformed(what, "an id is 1 to 40 of a-z, 0-9, - and _, starting with one of a-z0-9")
    if not MEMBER_NAME.fullmatch(member.name):
        raise malformed(what, "a name is 1 to 60 letters, digits, spaces and . , ' & ( ) -")
    if not usable_key(from_text(member.key, KEY_SIZE, what)):
        raise malformed(what, "its key is not a sound Ed25519 point")
    if isinstance(member.consensus, str):
        if not usable_key(from_text(member.consensus, KEY_SIZE, what)):
            raise malformed(what, "its consensus key is not a sound Ed25519 point")
        if member.consensus == member.key:
            raise malformed(what, "its two keys are the same")
    if not member.roles or list(member.roles) != sorted(set(member.roles)):
        raise malformed(what, "roles are a sorted, non-empty list without repetition")
    allowed = range(1, LARGEST_POWER + 1) if "validator" in member.roles else range(1)
    if member.power not in allowed:
        raise malformed(what, "power is 1 to 2^32 for a validator and 0 for anybody else")


def encode_genesis(genesis: Genesis) -> bytes:
    """Return a genesis's canonical bytes after checking it.

    Raises:
        FormatError: it is not a valid genesis.
    """
    if genesis.contract not in CONTRACT_VERSIONS or genesis.format != FORMAT_VERSION:
        raise malformed("the genesis", "it asks for a version that this release does not have")
    if not MEMBER_ID.fullmatch(genesis.chain):
        raise malformed("the genesis", "the chain id has the form of a member's id")
    log = log_key_of(genesis)
    if log is not None and not usable_key(log):
        raise malformed("the genesis", "the log key is not a sound Ed25519 point")
    within = genesis.ordered_within
    if isinstance(within, int):
        if log is None or genesis.contract < 2:
            raise malformed("the genesis", "only under a log of contract 2 is there a bound")
        if not 1 <= within <= MOST_ORDERED_WITHIN:
            raise malformed("the genesis", f"ordered_within is not 1 to {MOST_ORDERED_WITHIN}")
    ids = [member.id for member in genesis.members]
    if ids != sorted(set(ids)):
        raise malformed("the genesis", "members are sorted by id, each once")
    keys = [genesis.log, *(member.key for member in genesis.members)]
    consensus = [one.consensus for one in genesis.members if isinstance(one.consensus, str)]
    if consensus and genesis.contract < 2:
        raise malformed("the genesis", "members have consensus keys from contract 2 on")
    keys += consensus
    if len(set(keys)) != len(keys):
        raise malformed("the genesis", "two of its keys are the same")
    for member in genesis.members:
        check_member(member)
    if list(genesis.modules) != sorted(set(genesis.modules)):
        raise malformed("the genesis", "modules are sorted, each once")
    if not all(MODULE.fullmatch(name) for name in genesis.modules):
        raise malformed("the genesis", "a module is a name and a version, such as plain@1")
    if not any("validator" in member.roles for member in genesis.members):
        raise malformed("the genesis", "nobody validates")
    if not isinstance(genesis.succeeds, msgspec.UnsetType):
        _check_predecessor(genesis.succeeds)
    return canonical.encode(genesis)


def _check_predecessor(old: Predecessor) -> None:
    for text in (old.block, old.genesis, old.root):
        from_text(text, DIGEST_SIZE, "what the genesis succeeds")
    if not 1 <= old.size <= LARGEST_INTEGER:
        raise malformed("what the genesis succeeds", "its size is 1 to 2^53 - 1")


def log_key_of(genesis: Genesis) -> bytes | None:
    """Return the public key that signs a ledger's checkpoints, or None where it has none.

    Raises:
        FormatError: it is not a key's text.
    """
    if isinstance(genesis.log, msgspec.UnsetType):
        return None
    return from_text(genesis.log, KEY_SIZE, "the log key")


def required_log_key(genesis: Genesis) -> bytes:
    """Return the public key that signs a ledger's checkpoints.

    Raises:
        FormatError: the ledger has none.
    """
    key = log_key_of(genesis)
    if key is None:
        raise malformed("the genesis", "it names no log key, so nobody signs checkpoints for all")
    return key


def decode_genesis(data: bytes) -> Genesis:
    """Decode and check a genesis.

    Raises:
        FormatError: the bytes are not the canonical form of a valid genesis.
    """
    genesis = canonical.decode(data, _DECODER, "the genesis")
    encode_genesis(genesis)
    return genesis


def genesis_digest(data: bytes) -> bytes:
    """Return the digest of a genesis's bytes: the ledger's identity."""
    return tagged_hash("genesis", data)


@lru_cache(maxsize=64)
def ledger_of(text: str) -> bytes:
    """Return the genesis digest that a transaction carries as text.

    Raises:
        FormatError: it is not the canonical text of a digest.
    """
    return from_text(text, DIGEST_SIZE, "a genesis digest")


@lru_cache(maxsize=64)
def ledger_text(genesis: bytes) -> str:
    """Return a genesis digest as transactions carry it."""
    return to_text(genesis)
