"""The contract's tables: where each record lies in the state, and its type.

Everything the handlers read and write goes through here, so this file is the state's schema.
docs/spec/4-ledger.md lists the same paths.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import msgspec

from collegium.accounting.terms import ChargeVector, PrivacyTerms
from collegium.ledger.contract.transactions import Action
from collegium.ledger.genesis import Role
from collegium.ledger.state import Path, State
from collegium.study.compression import sent_coordinates
from collegium.study.score_terms import ScoreTerms
from collegium.study.sum_terms import SumTerms

StudyPhase = Literal[
    "setup",
    "statistics",
    "beginning",
    "rounds",
    "summing",
    "evaluation",
    "release",
    "closing",
    "closed",
]
Outcome = Literal["open", "completed", "failed"]


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A structured value of the state, which is canonical JSON; equal bytes are equal records."""


class MemberRecord(Record, frozen=True, kw_only=True):
    """A member as of now; an expelled one stays, inactive."""

    active: bool
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
    """What was registered; only `study.begin` changes it, in `initial` and `parameters`.

    A study of several trials keeps the ledger's `genesis`: any member may end one of them.
    """

    attendance: Literal["quorum", "all"]
    code: str
    degree: int | msgspec.UnsetType = msgspec.UNSET
    design: str
    document: str
    exponent: int
    fewest_groups: int | msgspec.UnsetType = msgspec.UNSET
    genesis: str | msgspec.UnsetType = msgspec.UNSET
    groups: int | msgspec.UnsetType = msgspec.UNSET
    initial: str
    keep: int | msgspec.UnsetType = msgspec.UNSET
    max_attempts: int
    min_sites: int
    owner: str
    parameters: int
    participation: Literal["cyclic"] | msgspec.UnsetType = msgspec.UNSET
    patience: int | msgspec.UnsetType = msgspec.UNSET
    per_round: int
    privacy: PrivacyTerms | msgspec.UnsetType = msgspec.UNSET
    rounds: int
    rule: str
    scores: ScoreTerms | msgspec.UnsetType = msgspec.UNSET
    seed: int
    selection: Literal["best"] | msgspec.UnsetType = msgspec.UNSET
    server: str
    sites: tuple[str, ...]
    statistics: int | msgspec.UnsetType = msgspec.UNSET
    sum_check: Literal["pedersen"] | msgspec.UnsetType = msgspec.UNSET
    sums: SumTerms | msgspec.UnsetType = msgspec.UNSET
    threshold: int | msgspec.UnsetType = msgspec.UNSET
    trials: int | msgspec.UnsetType = msgspec.UNSET
    weights: Literal["rows", "equal"]


class StatisticsRecord(Record, frozen=True, kw_only=True):
    """Where the statistics of set-up stand.

    `attempt` counts votes over all steps, `tries` those of this one; `agreement` is what the
    last finished step came to.
    """

    agreement: str | msgspec.UnsetType = msgspec.UNSET
    attempt: int
    phase: Literal["post", "vote", "sum", "agreed"]
    step: int
    tries: int


class StudyStatus(Record, frozen=True, kw_only=True):
    """Where a study stands: phase, the current or last round, the last good model.

    `clip` is where one that follows the updates is, in thousandths of a step of its grid.
    `latest` is the model of the last closed round, where another one is gone on from or final.
    """

    bundle: str | msgspec.UnsetType = msgspec.UNSET
    clip: int | msgspec.UnsetType = msgspec.UNSET
    closed_rounds: int
    exponent: int
    latest: str | msgspec.UnsetType = msgspec.UNSET
    model: str
    outcome: Outcome
    phase: StudyPhase
    round: int


class Acceptance(Record, frozen=True, kw_only=True):
    """A site's acceptance of a study."""

    code: str
    snapshot: str
    weight: int


class Budget(Record, frozen=True, kw_only=True):
    """What a site's units have lost in a study: rounds charged, and millionths of epsilon."""

    rounds: int
    spent: int


class Losses(Record, frozen=True, kw_only=True):
    """What a site's units of one kind have lost in all studies of the ledger together."""

    charge: ChargeVector


class RoundRecord(Record, frozen=True, kw_only=True):
    """Where the open round stands: attempt, phase, and how much of the phase has come in.

    `clip` is k where the clip 2^(k/8) follows the updates.
    """

    attempt: int
    clip: int | msgspec.UnsetType = msgspec.UNSET
    exponent: int
    expected: int
    got: int
    phase: str
    total_power: int


class Reveal(Record, frozen=True, kw_only=True):
    """A revealed update; `sealed` is the blob that holds it for the validators alone."""

    digest: str
    peak: int
    saturated: int
    sealed: str | msgspec.UnsetType = msgspec.UNSET


class Scored(Record, frozen=True, kw_only=True):
    """A validator's scores of the included updates, in order, or the median over validators."""

    norm: int | msgspec.UnsetType = msgspec.UNSET
    scores: tuple[int, ...]


class Reputation(Record, frozen=True, kw_only=True):
    """What speaks for a site and against it, in units of 2^-20, and its standing.

    `restored`: members decided that it keeps its standing, whatever its scores are.
    """

    bad: int
    demoted: bool
    good: int
    restored: bool


class ModelRecord(Record, frozen=True, kw_only=True):
    """A model's place in the ancestry."""

    parent: str | msgspec.UnsetType = msgspec.UNSET
    round: int


class TrialRecord(Record, frozen=True, kw_only=True):
    """The model with the least voted loss of a trial, and the round that told it."""

    failed: bool
    model: str
    round: int
    validation: int


class EvaluationRecord(Record, frozen=True, kw_only=True):
    """The digests of a site's signed statements."""

    federated: str
    local: str | msgspec.UnsetType = msgspec.UNSET


class SumRecord(Record, frozen=True, kw_only=True):
    """A sum of statistics: the attempt that closed, whose counts are in it, and its blob."""

    attempt: int
    sites: tuple[str, ...]
    total: str


MEMBERS: Path = ("members",)
KEYS: Path = ("keys",)
PROPOSALS: Path = ("proposals",)
PROPOSAL_VOTES: Path = ("proposal_votes",)
GOVERNANCE: Path = ("governance",)
EVIDENCE: Path = ("evidence",)
LOSSES: Path = ("losses",)
THE_ONE = "record"


@lru_cache(maxsize=4096)
def study_path(study: str, table: str) -> Path:
    """Return where a study's table lies, such as sites, models or evaluations."""
    return ("studies", study, table)


def step_key(step: int, member: str) -> str:
    """Return a key of what was said in a step; two digits, so that steps sort in their order."""
    return f"{step:02d}/{member}"


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


def threshold_of(record: StudyRecord) -> int:
    """Return how many shares open a secret; 0 where there are none."""
    return record.threshold if isinstance(record.threshold, int) else 0


def sent_of(record: StudyRecord) -> int:
    """Return how many coordinates an update has."""
    return sent_coordinates(record.parameters, record.keep)


def degree_of(record: StudyRecord) -> int | None:
    """Return how many neighbours a participant has; None where everybody masks with everybody."""
    return record.degree if isinstance(record.degree, int) else None
