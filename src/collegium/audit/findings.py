"""What verification says: typed findings, levels of rounds, and what stays unproven.

A finding is a code, a subject and parameters; what it says in English is made in `audit.english`.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any, Literal

import msgspec

from collegium.accounting.units import PersonOr, UnitName
from collegium.audit.english import place_of, text_of
from collegium.audit.subjects import Subject, Value
from collegium.errors import CollegiumError

Severity = Literal["error", "fault", "note"]
"""error: the evidence does not hold; fault: a participant failed or lied and was caught; note."""

Anchor = Literal["none", "genesis", "checkpoint"]
Verdict = Literal["not_verified", "consistent", "anchored"]
"""not_verified: an error was found; consistent: whose record it is was not asked; anchored: it was
held against something that somebody else keeps."""

Level = Literal["recomputed", "recomputed_given_scores", "attested", "certified_by_votes"]


class Finding(msgspec.Struct, frozen=True):
    """One thing that verification noticed: its code, how bad it is, and what it is about.

    `parameters` are what else its text needs; `case` among them tells apart what one code says.
    """

    code: str
    severity: Severity
    subject: Subject
    parameters: dict[str, Value] = {}

    def __hash__(self) -> int:
        """Return a hash of everything that two equal findings share; a dict has none of its own."""
        told = tuple(sorted(self.parameters.items(), key=itemgetter(0)))
        return hash((self.code, self.severity, self.subject, told))

    @property
    def what(self) -> str:
        """What was noticed, in English."""
        return text_of(self.code, self.subject, self.parameters)

    @property
    def where(self) -> str:
        """Where it is, in English."""
        return place_of(self.code, self.subject, self.parameters)


def of_error(error: CollegiumError) -> dict[str, Value]:
    """Return an error as a finding's parameters: its code, and its own words."""
    return {"error": error.code, "what": error.what, "why": error.why}


def findings_json(findings: tuple[Finding, ...]) -> list[dict[str, Any]]:
    """Return findings as commands print them with ``--json``: the values, and their English."""
    return [
        {
            "code": one.code, "severity": one.severity, "what": one.what, "where": one.where,
            "subject": msgspec.to_builtins(one.subject),
            "parameters": msgspec.to_builtins(one.parameters),
        }
        for one in findings
    ]  # fmt: skip


class StudyPrivacySpent(msgspec.Struct, frozen=True, kw_only=True):
    """What a site's units have lost in a study, recomputed, with all that gives it a meaning.

    `clips` are those of the rounds that opened, where they follow the updates; `tight` is the
    epsilon by privacy loss distributions, where those are known.
    """

    study: str
    site: str
    unit: UnitName
    rounds: int
    epsilon: float
    budget: float
    delta: float
    evaluation: float
    mechanism: str
    sampling_rate: float
    noise_multiplier: float
    steps_per_round: int
    accountant: str
    clips: tuple[float, ...] = ()
    tight: float | None = None


class LedgerPrivacySpent(msgspec.Struct, frozen=True, kw_only=True):
    """What a person of a site, or a site, has lost in all studies of the ledger together.

    `delta` is the smallest of those studies'. In `unbounded` ones the site took part without
    differential privacy, so that nothing bounds what they told.
    """

    site: str
    unit: PersonOr
    epsilon: float
    delta: float
    accountant: str
    studies: tuple[str, ...]
    unbounded: tuple[str, ...]


class TrialResult(msgspec.Struct, frozen=True, kw_only=True):
    """A trial of a search: its values, its rounds, and its least loss; None where it failed.

    `measured` is the round of the trial that told that loss, of the model that it started from.
    """

    trial: int
    values: dict[str, float]
    rounds: int
    loss: float | None
    measured: int | None


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which model is final by its loss on rows held out.

    `trials` are those of a search, none where only the number of rounds was left to the loss.
    `looks` is how many models a loss was told of; `held_out` the part of each site's training
    persons, or `by` time of each person's rows; `trial` and `measured`, a round of it, are where
    the least loss is.
    """

    study: str
    held_out: float
    by: Literal["person", "time", "latest"] = "person"
    looks: int
    loss: float
    trial: int
    measured: int
    trials: tuple[TrialResult, ...]


class ScoredRound(msgspec.Struct, frozen=True, kw_only=True):
    """A closed round's combined scores by site, who gave them, and the reputations after it."""

    round: int
    scorers: tuple[str, ...]
    scores: dict[str, float]
    reputations: dict[str, float]


class ReputationChange(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a site's standing: after which round, and what it then has or lost.

    `change` is demoted or reinstated (by scores, at `reputation`) or restored (by members).
    """

    round: int
    site: str
    change: Literal["demoted", "reinstated", "restored"]
    loses: Literal["scoring", "weight"] | None
    reputation: float | None


class Scoring(msgspec.Struct, frozen=True, kw_only=True):
    """What validators said of updates in a study, and what came of it."""

    study: str
    by: Literal["direction", "loss"]
    threshold: float
    demote: float
    rounds: tuple[ScoredRound, ...]
    standings: tuple[ReputationChange, ...]


class SecureSumOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the test rows of all sites in a secure sum, and of none of them alone.

    `withheld` says what of the sum was too small to be told: "nothing", "calls", "by-class", "all";
    `auc_error` is by how much the AUC of all scores can differ from the one of the sum.
    """

    study: str
    sites: tuple[str, ...]
    rows: int
    withheld: str
    measures: dict[str, float]
    auc_error: float | None = None


class SiteShare(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of the weight a site's updates had, of those that closed rounds are made of.

    `claimed` is the weight that it registered, `weight` the largest with which it took part in a
    round: less, where the contract lowered it. Shares are of the updates that arrived: `least`
    and `most` of the rounds that include it.
    """

    study: str
    site: str
    claimed: int
    weight: int
    least: float
    most: float


class ClippedUpdates(msgspec.Struct, frozen=True, kw_only=True):
    """The rounds in which a site's included update was cut off, as it reached beyond their room.

    `coordinates` is how many of its coordinates that was, at most. What is hidden is not told.
    """

    study: str
    site: str
    rounds: tuple[int, ...]
    coordinates: int


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """The result of verifying a run.

    `ok` is false exactly when a finding is an error, or the history is incomplete and was not
    allowed to be. `checked` counts what was checked by kind, `levels` rounds by what was proven
    about each. `claims` puts in words what the anchor is worth. `privacy` is what each site's
    units have lost in each study with differential privacy, `totals` in all of them together;
    `selections` are what each study's final model was chosen from, where a loss chose; `scorings`
    what validators said of updates, where they did; `sums` what secure sums of statistics tell;
    `shares` which part of the weight each site had, where weights have a say; `clipped` whose
    plain updates were cut off; `told` what other mechanisms tell, by the names that they give it.
    """

    ok: bool
    anchored: Anchor
    complete: bool
    checked: dict[str, int]
    levels: dict[Level, int]
    findings: tuple[Finding, ...]
    not_proven: tuple[str, ...]
    claims: str
    genesis: str
    app_hash: str
    entries: int
    model: str | None
    simulated: bool
    privacy: tuple[StudyPrivacySpent, ...] = ()
    totals: tuple[LedgerPrivacySpent, ...] = ()
    selections: tuple[Selection, ...] = ()
    scorings: tuple[Scoring, ...] = ()
    sums: tuple[SecureSumOutcome, ...] = ()
    shares: tuple[SiteShare, ...] = ()
    clipped: tuple[ClippedUpdates, ...] = ()
    told: dict[str, tuple[Any, ...]] = msgspec.field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """The verification in one word."""
        if not self.ok:
            return "not_verified"
        return "consistent" if self.anchored == "none" else "anchored"


NOT_PROVEN = (
    "that the data are real, or of the patients they are said to be of",
    "that local training was done as the study says: a site's update is what it chose to send",
    "that the metrics posted by the sites are true",
)
DESCRIBED = (
    "that the ranges and categories of columns that a study's document describes were known without"
    " looking at rows"
)
SIMULATED = "who did what: one process held all keys of this run, so no identity stands behind one"
