"""The seam of mechanisms in the contract: what each does when something happens in a study.

A mechanism's file `rules` names its `RULES`. All of it is deterministic and pure but for the state
that it is given: no clock, no randomness, no floats. Where several mechanisms of a study do
something, they do it in order of their names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, TypeVar

import msgspec

from collegium.ledger.contract.context import RoundAt, StudyAt
from collegium.ledger.contract.event import Event
from collegium.ledger.contract.mechanism import Mechanism
from collegium.ledger.contract.payload import Transaction
from collegium.ledger.contract.results import ModelResult, Result
from collegium.ledger.contract.tables import MemberRecord, StudyRecord, StudyStatus
from collegium.ledger.contract.transactions import (
    PlaceTransaction,
    StudyRegister,
    UpdateCommit,
    UpdateReveal,
)
from collegium.ledger.state import State
from collegium.plugins import aspects

T = TypeVar("T")

Handler = Callable[[State, str, MemberRecord, Any], list[Event]]
"""What a transaction does, given the state, its sender's id and record."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a phase ends, as mechanisms see it one after the other.

    Attributes:
        there: who goes on: who has spoken, or whose update is included.
        events: what happened.
        unsound: members whose secrets cannot be opened; the attempt fails unless somebody takes
            them out of it.
        failed: why the attempt ends here, if it does.
    """

    there: tuple[str, ...]
    events: tuple[Event, ...] = ()
    unsound: tuple[str, ...] = ()
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """Rounds of a kind of their own, in which something else than updates is summed.

    Attributes:
        closes: goes on once a quorum has voted for the blob of a total.
        gives_up: goes on once none can be had.
        opened: the event of an attempt at one.
    """

    closes: Callable[[RoundAt, str, int], list[Event]]
    gives_up: Callable[[StudyAt, str], list[Event]]
    opened: Callable[[RoundAt], Event]


@dataclass(frozen=True, slots=True)
class Closing:
    """What a mechanism does when a round closes: what happened, and whether training ends early."""

    events: tuple[Event, ...] = ()
    early: bool = False


@dataclass(frozen=True, slots=True)
class Proposed:
    """What members may propose because of a mechanism: what stands in its way, and what it does.

    `words` say what that is, with the action's fields in braces.
    """

    obstacle: Callable[[State, Any], str | None]
    apply: Callable[[State, Any], None]
    words: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What a mechanism does. Every function is called only in studies that use the mechanism.

    Attributes:
        mechanism: what it declares.
        handlers: of its transactions.
        actions: what members may propose because of it.
        registers: refuses a registration that cannot be carried out, or is less safe than it says.
        registered: a study is registered.
        sets_up: opens what comes between acceptance and the first round, in the place of round 1.
        times_out: counts a validator's timer in a phase of the study that is this mechanism's.
        require_present: refuses what is not about the present place in such a phase.
        accepted: a site has accepted.
        evaluated: a site has posted its statement.
        has_no_room: which of some sites must not take part in another round.
        exhausted: what happens where too few others are left.
        bound: of whom alone, all of them, a sum from the study's model may be formed again, each
            with the part it was in; nobody where none has been.
        weighs: changes the weights of a round's participants.
        round_opens: a round opens with these participants and voters.
        opened: its part of the event of an opening attempt.
        fewest: how many updates an attempt needs.
        fewest_openers: how many must speak in a phase that opens sums.
        needs_everybody: whether nobody may be missing any more.
        enters: refuses a member that may not speak in a phase.
        commits: takes what a commitment says of it.
        reveals: refuses a reveal.
        includes: which of some updates can be included.
        phase_ends: a phase ends.
        attempt_fails: an attempt ends without a model.
        gives_up: goes on, where the last attempt at a round has failed, in the place of failing
            the study.
        votes: refuses a model's result that tells too little or too much.
        counts: notes what else a vote says, with its power.
        undecided: no quorum can be reached in a vote.
        waits: whether such a vote goes on, given the power of those who have not voted.
        left_out: whose included updates are not in a voted model.
        measured: how many of the updates in a voted model are saturated, and how many small.
        encodes: the exponent of the next round, in the place of what follows from these.
        bounds: whether updates' length is bounded, for noise, in units of the encoding.
        sends: how many coordinates an update has, if not all.
        advertises: refuses keys, 64 bytes, that a participant advertises.
        holders: the least and the largest number of members who hold shares of one secret.
        round_closes: a round has closed with this vote.
        goes_on: what comes after a trial's last round, in the place of the test.
        test_opens: what comes before the evaluation.
        holds: a registration as it holds in a round of another series.
        series: its rounds that are none of training, by name.
        opens_step: opens a round for what a step of set-up asks for; None where it is just said.
        arranges: who holds shares of whose secrets, if not everybody of everybody's.
    """

    mechanism: Mechanism
    handlers: Mapping[type[Transaction], Handler] = field(default_factory=dict)
    actions: Mapping[type[msgspec.Struct], Proposed] = field(default_factory=dict)
    registers: Callable[[StudyRegister], None] | None = None
    registered: Callable[[StudyAt], None] | None = None
    sets_up: Callable[[StudyAt], list[Event]] | None = None
    times_out: Callable[[StudyAt, str, PlaceTransaction], list[Event]] | None = None
    require_present: Callable[[StudyAt, PlaceTransaction], None] | None = None
    accepted: Callable[[StudyAt, str], None] | None = None
    evaluated: Callable[[StudyAt, str], None] | None = None
    has_no_room: Callable[[StudyAt, Sequence[str]], list[str]] | None = None
    exhausted: Callable[[StudyAt, Sequence[str]], Event] | None = None
    bound: Callable[[StudyAt], Mapping[str, int]] | None = None
    weighs: Callable[[StudyAt, Mapping[str, int]], dict[str, int]] | None = None
    round_opens: Callable[[StudyAt, Sequence[str], Mapping[str, int]], None] | None = None
    opened: Callable[[RoundAt], msgspec.Struct | None] | None = None
    fewest: Callable[[StudyRecord], int] | None = None
    fewest_openers: Callable[[StudyRecord], int] | None = None
    needs_everybody: Callable[[RoundAt], bool] | None = None
    enters: Callable[[RoundAt, str, str], None] | None = None
    commits: Callable[[RoundAt, UpdateCommit, str], None] | None = None
    reveals: Callable[[RoundAt, UpdateReveal, str], None] | None = None
    includes: Callable[[RoundAt, list[str]], list[str]] | None = None
    phase_ends: Callable[[RoundAt, Ending], Ending] | None = None
    attempt_fails: Callable[[RoundAt], None] | None = None
    gives_up: Callable[[RoundAt], list[Event] | None] | None = None
    votes: Callable[[StudyRecord, ModelResult], None] | None = None
    counts: Callable[[RoundAt, Result, int], None] | None = None
    undecided: Callable[[RoundAt], list[Event]] | None = None
    waits: Callable[[RoundAt, int], bool] | None = None
    left_out: Callable[[RoundAt, ModelResult], frozenset[str]] | None = None
    measured: Callable[[RoundAt, ModelResult, tuple[str, ...]], tuple[int, int]] | None = None
    encodes: Callable[[RoundAt, ModelResult, int], int | None] | None = None
    bounds: Callable[[StudyRecord], bool] | None = None
    sends: Callable[[StudyRecord], int] | None = None
    advertises: Callable[[RoundAt, str, bytes], None] | None = None
    holders: Callable[[StudyRegister], tuple[int, int]] | None = None
    round_closes: Callable[[RoundAt, ModelResult, StudyStatus], Closing] | None = None
    goes_on: Callable[[StudyAt], list[Event] | None] | None = None
    test_opens: Callable[[StudyAt], list[Event] | None] | None = None
    holds: Callable[[StudyRecord, int], StudyRecord] | None = None
    series: Mapping[str, Series] = field(default_factory=dict)
    opens_step: Callable[[StudyAt, int], list[Event] | None] | None = None
    arranges: Callable[[RoundAt], Mapping[str, tuple[str, ...]] | None] | None = None


@cache
def every_rules() -> Mapping[str, Rules]:
    """Return the rules of every mechanism of this installation, by versioned name."""
    found: list[Rules] = [one.RULES for one in aspects("rules").values()]
    return {one.mechanism.versioned: one for one in found}


@lru_cache(maxsize=256)
def rules_of(modules: tuple[str, ...]) -> tuple[Rules, ...]:
    """Return the rules of a study's mechanisms, in order; some mechanisms have none."""
    known = every_rules()
    return tuple(known[name] for name in modules if name in known)


def each(modules: tuple[str, ...], pick: Callable[[Rules], T | None]) -> list[T]:
    """Return what a study's mechanisms do at some point, in order; who does nothing is left out."""
    return [found for rules in rules_of(modules) if (found := pick(rules)) is not None]


def acting(pick: Callable[[Rules], T | None]) -> Callable[[tuple[str, ...]], list[T]]:
    """Return `each` with its choice made, for what happens with every transaction: it remembers."""

    @lru_cache(maxsize=256)
    def found(modules: tuple[str, ...]) -> list[T]:
        return each(modules, pick)

    return found


_SENDS = acting(lambda rules: rules.sends)


def sent_of(record: StudyRecord) -> int:
    """Return how many coordinates an update has."""
    for sends in _SENDS(record.modules):
        return sends(record)
    return record.parameters


@cache
def every_proposed() -> Mapping[type[msgspec.Struct], Proposed]:
    """Return what mechanisms let members propose."""
    return {kind: one for rules in every_rules().values() for kind, one in rules.actions.items()}


@cache
def handlers() -> Mapping[type[Transaction], Handler]:
    """Return what mechanisms' transactions do."""
    found: dict[type[Transaction], Handler] = {}
    for rules in every_rules().values():
        found.update(rules.handlers)
    return found


def without_record(
    handle: Callable[[State, str, Any], list[Event]],
) -> Handler:
    """Return a handler that does not ask for its sender's record."""
    return lambda state, sender, _, tx: handle(state, sender, tx)


__all__ = [
    "Closing", "Ending", "Handler", "Proposed", "Rules", "Series", "acting", "each",
    "every_proposed", "every_rules", "handlers", "rules_of", "sent_of", "without_record",
]  # fmt: skip
