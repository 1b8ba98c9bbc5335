"""A member's home: the folder that holds everything of its node, and what `init` puts there.

==============  ==================================================================================
node.toml       settings: the way to the common order, the rows, timers
policy.toml     what this node may do; it wins over the ledger
keys/           the node's secret and its ledger key, of mode 0600 or under a passphrase
card.json       what the others need to know of this member, for the genesis
genesis.json    the consortium's genesis, as everybody has it
tls/            with the engine `log`: the consortium's CA, this member's certificate and its key
ledger.log      this member's copy of the ledger, with what its engine keeps beside it
outbox          what cannot be recomputed, written before it is announced
blobs/          models, updates and statements by their SHA-256
waiting/        notes of blobs that the shared store does not have yet
studies/        study documents that this member owns and proposes
released/       models that this member, as an owner, has released
orders/         what the member's operator has asked of the running node, and its answers
past/           the ledgers that this one succeeds, with what was released and ordered under each
evidence/       what proves that whoever orders lied
node.log        what the node did, one JSON object a line
status.json     of the running node: its process and the port of its status page
==============  ==================================================================================
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from secrets import token_bytes

import msgspec

from collegium.canonical import to_text
from collegium.errors import CollegiumError, NodeError, reason_of
from collegium.federation.identity import Identity
from collegium.ledger.durability import sole_user, sync_names, write_whole
from collegium.ledger.genesis import (
    Genesis,
    Member,
    Role,
    check_member,
    decode_genesis,
    genesis_digest,
)
from collegium.ledger.keyfile import AskPassphrase, read_secret, write_secret
from collegium.ledger.keys import SigningKey, signing_key
from collegium.node.config import CONFIG, engine_of, read_config
from collegium.node.policy import POLICY

CARD, GENESIS = "card.json", "genesis.json"
NODE_SECRET, LEDGER_KEY = "keys/node.pem", "keys/ledger.pem"
STUDIES, RELEASED, BLOBS, OUTBOX = "studies", "released", "blobs", "outbox"
WAITING, ORDERS, PAST = "waiting", "orders", "past"
FOLDERS = ("keys", "tls", STUDIES)


def init_home(
    home: Path, member: Member, settings: Mapping[str, str], passphrase: str | None
) -> Member:
    """Make a member's home, whole or not at all, and return the member with its new keys.

    Args:
        home: a folder that does not exist, or is empty.
        member: who it is; the keys are made here.
        settings: the texts of node.toml and policy.toml.
        passphrase: encrypts both keys; None leaves them to their files' mode.

    Raises:
        NodeError: something is in the folder.
        FormatError: the member's id, name or roles are not acceptable.
    """
    secret, seed = token_bytes(32), token_bytes(32)
    member = msgspec.structs.replace(member, key=to_text(signing_key(seed).public))
    check_member(member)
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise NodeError(
            "home.exists", f"{home} is not empty", "keys that are there are never overwritten",
            "choose another folder",
        )  # fmt: skip
    partial = home.with_name(f".{home.name}.{os.getpid()}")
    for folder in FOLDERS:
        (partial / folder).mkdir(parents=True, mode=0o700)
    try:
        write_secret(partial / NODE_SECRET, secret, passphrase)
        write_secret(partial / LEDGER_KEY, seed, passphrase)
        for name in (CONFIG, POLICY):
            write_whole(partial / name, settings[name].encode())
        engine = engine_of(read_config(partial))
        member = engine.equip(partial, member)
        engine.begin(partial)
        write_whole(partial / CARD, card_text(member).encode())
        partial.chmod(0o700)
        partial.replace(home)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    sync_names(home.resolve().parent)
    return member


def card_text(member: Member) -> str:
    """Return a member's card: what stands of it in a genesis."""
    text: str = msgspec.json.format(msgspec.json.encode(member), indent=1).decode()
    return text + "\n"


def new_member(member: str, name: str, roles: Sequence[Role]) -> Member:
    """Return a member without a key; who validates has the power 1."""
    ordered = tuple(sorted(set(roles)))
    return Member(member, "", name, 1 if "validator" in ordered else 0, ordered)


def read_genesis(home: Path) -> tuple[Genesis, bytes]:
    """Return the genesis in a home, and its digest.

    Raises:
        NodeError: there is none.
        FormatError: it is no genesis.
    """
    path = home / GENESIS
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NodeError(
            "home.genesis", f"{path} cannot be read", reason_of(error),
            "copy the consortium's genesis.json there; it is made of the members' cards",
        ) from error  # fmt: skip
    return decode_genesis(data), genesis_digest(data)


@dataclass(frozen=True, slots=True)
class Keys:
    """A member's secrets, as its home keeps them. The repr shows nothing secret."""

    ledger: tuple[SigningKey, ...]
    _secret: bytes

    def __repr__(self) -> str:
        return f"Keys(ledger={self.ledger!r})"

    def of(self, public: bytes) -> SigningKey | None:
        """Return the ledger key with that public half, or None."""
        return next((key for key in self.ledger if key.public == public), None)

    def identity(self, member: str, genesis: bytes, public: bytes) -> Identity | None:
        """Return the member's identity under its present key, or None without that key."""
        key = self.of(public)
        return None if key is None else Identity(member, genesis, key, self._secret)


def read_keys(home: Path, ask: AskPassphrase) -> Keys:
    """Return the secrets of a home; every ``keys/ledger*.pem`` is one ledger key.

    A key that was replaced still cosigns the block that replaces it, so it stays.

    Raises:
        CollegiumError: a file is missing, open to others, or its passphrase another one.
    """
    answered: list[str | None] = []

    def once() -> str | None:
        if not answered:
            answered.append(ask())
        return answered[0]

    secret = read_secret(home / NODE_SECRET, once)
    return Keys(tuple(signing_key(read_secret(path, once)) for path in key_files(home)), secret)


def key_files(home: Path) -> tuple[Path, ...]:
    """Return the files of a home's ledger keys, the oldest first; the first one where none is."""
    first = home / LEDGER_KEY
    there = sorted(first.parent.glob("ledger*.pem"), key=lambda path: (path != first, path.name))
    return tuple(there) or (first,)


def add_ledger_key(home: Path, passphrase: str | None) -> SigningKey:
    """Put a new ledger key beside those of a home, and return it.

    Raises:
        RunError: its file cannot be written.
    """
    seed = token_bytes(32)
    first = home / LEDGER_KEY
    names = (first.with_name(f"ledger-{number:04}.pem") for number in count(2))
    write_secret(next(path for path in names if not path.exists()), seed, passphrase)
    return signing_key(seed)


@contextmanager
def held(home: Path) -> Iterator[None]:
    """Hold a home for this process alone.

    Raises:
        NodeError: there is no home, or another node runs in it.
    """
    if not (home / CONFIG).is_file():
        raise no_home(home)
    busy = NodeError(
        "home.busy", f"a node runs in {home} already",
        "two of them would sign against each other",
        "see it with `collegium node status`; stop it first",
    )  # fmt: skip
    with sole_user(home, lambda: busy):
        yield


def no_home(home: Path) -> NodeError:
    """Return the error for a folder that is no member's home."""
    return NodeError(
        "home.none", f"{home} is no member's home", f"it has no {CONFIG}",
        "make one with `collegium node init`, or name the right folder",
    )  # fmt: skip


def read_card(path: Path) -> Member:
    """Return the member that a card tells of.

    Raises:
        NodeError: the file is no card.
    """
    try:
        member = msgspec.json.decode(path.read_bytes(), type=Member)
        check_member(member)
    except (OSError, msgspec.MsgspecError, CollegiumError) as error:
        why = error.why if isinstance(error, CollegiumError) else reason_of(error)
        raise NodeError(
            "home.card", f"{path} is no member's card", why,
            "ask the member for the card.json of its home",
        ) from error  # fmt: skip
    return member
