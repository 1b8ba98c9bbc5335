"""The contract's tables: where each record lies in the state, and its type.

Everything the handlers read and write goes through here, so this file is the state's schema.
docs/spec/4-ledger.md lists the same paths.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import msgspec

from collegium.ledger.contract.transactions import Action, Terms
from collegium.ledger.genesis import Role
from collegium.ledger.state import Path, State

Outcome = Literal["open", "completed", "failed"]


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A structured value of the state, which is canonical JSON; equal bytes are equal records."""


class MemberRecord(Record, frozen=True, kw_only=True):
    """A member as of now; an expelled one stays, inactive. `consensus` as of `genesis.Member`."""

    active: bool
    consensus: str | msgspec.UnsetType = msgspec.UNSET
    key: str
    power: int
    roles: tuple[Role, ...]


class Proposal(Record, frozen=True, kw_only=True):
    """A proposed change of the membership."""

    action: Action
    proposer: str
    status: Literal["open", "accepted", "refused", "applied"]


class Governance(Record, frozen=True, kw_only=True):
    """Rounds open anywhere, and accepted changes that wait for them to close, in order."""

    open_rounds: int
    waiting: tuple[str, ...]


class StudyRecord(Record, frozen=True, kw_only=True):
    """What was registered; only a mechanism that sets up changes it, in `initial` and `parameters`.

    `design` is the one of its modules that carries updates.
    """

    attendance: Literal["quorum", "all"]
    code: str
    design: str
    document: str
    exponent: int
    genesis: str
    initial: str
    largest_share: int | msgspec.UnsetType = msgspec.UNSET
    max_attempts: int
    min_sites: int
    modules: tuple[str, ...]
    owner: str
    parameters: int
    participation: Literal["cyclic"] | msgspec.UnsetType = msgspec.UNSET
    per_round: int
    rounds: int
    rule: str
    seed: int
    server: str
    sites: tuple[str, ...]
    terms: Terms | msgspec.UnsetType = msgspec.UNSET
    weights: Literal["rows", "equal"]


class StudyStatus(Record, frozen=True, kw_only=True):
    """Where a study stands: phase, the current or last round, the last good model.

    `latest` is the model of the last closed round, where another one is gone on from or final.
    """

    bundle: str | msgspec.UnsetType = msgspec.UNSET
    closed_rounds: int
    exponent: int
    latest: str | msgspec.UnsetType = msgspec.UNSET
    model: str
    outcome: Outcome
    phase: str
    round: int


class Acceptance(Record, frozen=True, kw_only=True):
    """A site's acceptance of a study."""

    code: str
    snapshot: str
    weight: int


class RoundRecord(Record, frozen=True, kw_only=True):
    """Where the open round stands: attempt, phase, and how much of the phase has come in.

    `room` is how many bits beyond 16 updates may take, absent for none.
    """

    attempt: int
    exponent: int
    expected: int
    got: int
    phase: str
    room: int | msgspec.UnsetType = msgspec.UNSET
    total_power: int


class RevealRecord(Record, frozen=True, kw_only=True):
    """A revealed update; `sealed` is the blob that holds it for the validators alone."""

    digest: str
    peak: int
    saturated: int
    sealed: str | msgspec.UnsetType = msgspec.UNSET


class ModelRecord(Record, frozen=True, kw_only=True):
    """A model's place in the ancestry."""

    parent: str | msgspec.UnsetType = msgspec.UNSET
    round: int


class EvaluationRecord(Record, frozen=True, kw_only=True):
    """The digests of a site's signed statements."""

    federated: str
    local: str | msgspec.UnsetType = msgspec.UNSET


MEMBERS: Path = ("members",)
KEYS: Path = ("keys",)
PROPOSALS: Path = ("proposals",)
PROPOSAL_VOTES: Path = ("proposal_votes",)
GOVERNANCE: Path = ("governance",)
EVIDENCE: Path = ("evidence",)
MODULES: Path = ("modules",)
CONTRACT: Path = ("contract",)
RETURNS: Path = ("returns",)
THE_ONE = "record"


@lru_cache(maxsize=4096)
def study_path(study: str, table: str) -> Path:
    """Return where a study's table lies, such as sites, models or evaluations."""
    return ("studies", study, table)


def round_branch(study: str, number: int) -> Path:
    """Return where a round lies; eight digits, so that rounds sort in their order."""
    return ("studies", study, "rounds", f"{number:08d}")


@lru_cache(maxsize=4096)
def round_path(study: str, number: int, table: str) -> Path:
    """Return where a round's table lies, such as participants or commits."""
    return ("studies", study, "rounds", f"{number:08d}", table)


@lru_cache(maxsize=4096)
def attempt_key(attempt: int, *rest: str) -> str:
    """Return a key within an attempt; four digits, so that attempts sort in their order."""
    return "/".join((f"{attempt:04d}", *rest))


def attempt_items(state: State, path: Path, attempt: int) -> list[tuple[str, bytes]]:
    """Return the entries of one attempt, keys without the attempt, in order."""
    prefix = attempt_key(attempt) + "/"
    start = len(prefix)
    return [(key[start:], value) for key, value in state.items(path) if key.startswith(prefix)]


def attempt_names(state: State, path: Path, attempt: int) -> tuple[str, ...]:
    """Return the keys of one attempt, without the attempt, in order."""
    return state.names(path, attempt_key(attempt) + "/")


def powers(state: State, path: Path) -> dict[str, int]:
    """Return a table of integers, such as a round's weights or voting powers, in order."""
    return {key: int(value) for key, value in state.items(path)}
