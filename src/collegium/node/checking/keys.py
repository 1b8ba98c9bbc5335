"""A home's secrets: there, closed to others, and those of the member that the ledger names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from collegium.canonical import from_text
from collegium.errors import CollegiumError, NodeError, RunError, reason_of
from collegium.federation.identity import Identity
from collegium.federation.outbox import count_records
from collegium.ledger.application import Application
from collegium.ledger.contract.tables import MEMBERS, MemberRecord
from collegium.ledger.examining import Diagnosis, sound, unchecked, wrong
from collegium.ledger.genesis import Genesis, encode_genesis, genesis_digest
from collegium.ledger.keyfile import AskPassphrase, read_secret
from collegium.ledger.keys import KEY_SIZE, SigningKey, signing_key
from collegium.node.home import NODE_SECRET, OUTBOX, Keys, key_files

PART = "keys"


@dataclass(slots=True)
class KeysFound:
    """The secrets of a home as far as their files can be read, and what is wrong with those."""

    secret: bytes | None = None
    ledger: list[SigningKey] = field(default_factory=list)
    faults: list[Diagnosis] = field(default_factory=list)

    @property
    def keys(self) -> Keys | None:
        """All of them together, None where a file cannot be read."""
        whole = self.secret is not None and not self.faults
        return Keys(tuple(self.ledger), self.secret or b"") if whole else None


def find_keys(home: Path, ask: AskPassphrase) -> KeysFound:
    """Read every secret of a home by itself, so that each fault is told.

    Args:
        home: the member's.
        ask: asks for the passphrase, at most once.
    """
    answers: list[str | None] = []

    def once() -> str | None:
        if not answers:
            answers.append(ask())
        return answers[0]

    found = KeysFound()
    for path in (home / NODE_SECRET, *key_files(home)):
        try:
            secret = read_secret(path, once)
        except RunError as error:
            found.faults.append(wrong(PART, error))
            continue
        if path == home / NODE_SECRET:
            found.secret = secret
        else:
            found.ledger.append(signing_key(secret))
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """Who a member is by the newest that the home has: the ledger, else the genesis.

    `known` says which of the two; None where neither can be read.
    """

    known: str | None
    record: MemberRecord | None


def standing_of(member: str, genesis: Genesis | None, ledger: Application | None) -> Standing:
    """Return who a member is."""
    if ledger is not None:
        return Standing("the ledger", ledger.state.record(MEMBERS, member, MemberRecord))
    if genesis is None:
        return Standing(None, None)
    card = next((one for one in genesis.members if one.id == member), None)
    record = None if card is None else MemberRecord(
        active=True, consensus=card.consensus, key=card.key, power=card.power, roles=card.roles
    )  # fmt: skip
    return Standing("the genesis", record)


def examine_keys(found: KeysFound, member: str, standing: Standing) -> Iterator[Diagnosis]:
    """Yield whether the secrets are those of the member.

    Args:
        found: what the home holds.
        member: its id, by node.toml.
        standing: who that is.
    """
    yield from found.faults
    if standing.known is None:
        yield unchecked(PART, "genesis.json cannot be read: whose keys they are")
        return
    if standing.record is None:
        yield wrong(PART, NodeError(
            "node.no-member", f"{standing.known} in this home names no member {member!r}",
            "it is not admitted yet, as far as this home knows, or node.member is another one",
            "compare node.member with card.json; docs/operations/join.md",
        ), "warning")  # fmt: skip
        return
    if not standing.record.active:
        yield wrong(PART, NodeError(
            "node.expelled", f"{member} is a member no more", f"{standing.known} says so",
            "see docs/operations/leave.md; a member comes back by a vote, as docs/operations/join"
            ".md says",
        ))  # fmt: skip
        return
    public = from_text(standing.record.key, KEY_SIZE)
    if all(key.public != public for key in found.ledger):
        if not found.faults:
            yield wrong(PART, NodeError(
                "node.key", f"this home does not hold the ledger key of {member}",
                f"{standing.known} names another one", "restore keys/ from the home's backup",
            ))  # fmt: skip
    elif not found.faults:
        yield sound(PART, f"closed to others, and of {member}, as {standing.known} names it")


def identity_of(
    found: KeysFound, member: str, genesis: Genesis | None, standing: Standing
) -> Identity | None:
    """Return the member's identity, None where the home does not have all of it."""
    if found.keys is None or genesis is None or standing.record is None:
        return None
    digest = genesis_digest(encode_genesis(genesis))
    return found.keys.identity(member, digest, from_text(standing.record.key, KEY_SIZE))


def examine_outbox(home: Path) -> Iterator[Diagnosis]:
    """Yield whether the outbox holds what was written to it; a damaged one stops the node."""
    path = home / OUTBOX
    try:
        yield sound("outbox", f"{count_records(path)} records, each whole")
    except FileNotFoundError:
        yield sound("outbox", "none yet")
    except CollegiumError as error:
        yield wrong("outbox", error)
    except OSError as error:
        yield wrong("outbox", NodeError(
            "home.no-access", f"{path} cannot be read", reason_of(error),
            "give the node's user access to everything in the home",
        ))  # fmt: skip
