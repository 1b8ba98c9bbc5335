"""Sums of statistics: how one opens, which terms hold in it, and what its end leads to.

docs/spec page 19, docs/decisions/0090. A site's vector in such a round holds counts in the place of
an update; the phases within an attempt are those of a round with masked updates.
"""

from __future__ import annotations

import msgspec

from collegium.ledger.contract import governance, rounds, silence
from collegium.ledger.contract.attendance import fewest, ready
from collegium.ledger.contract.context import RoundAt, StudyAt
from collegium.ledger.contract.declared import hides, part_of, together
from collegium.ledger.contract.event import Event
from collegium.ledger.contract.preconditions import terms_in
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.rules import Rules, Series
from collegium.ledger.contract.series import EVALUATION, SET_UP
from collegium.ledger.contract.tables import Record, StudyRecord
from collegium.ledger.contract.transactions import StudyRegister
from collegium.mechanisms.dealing.rules import check_holders
from collegium.mechanisms.dealing.terms import DealingTerms
from collegium.mechanisms.secagg_plus.rules import even_degree
from collegium.mechanisms.secagg_plus.terms import GraphTerms
from collegium.mechanisms.statistics.rules import agree
from collegium.mechanisms.sums.terms import MECHANISM, SumClosed, SumGivenUp, SumOpened, SumTerms


class SumRecord(Record, frozen=True, kw_only=True):
    """A sum of statistics: the attempt that closed, whose counts are in it, and its blob."""

    attempt: int
    sites: tuple[str, ...]
    total: str


def evaluates_by_sum(record: StudyRecord) -> bool:
    """Return whether sites count their test rows for a sum."""
    terms = part_of(record.terms, SumTerms)
    return terms is not None and terms.evaluation is not msgspec.UNSET


def sums_steps(record: StudyRecord) -> bool:
    """Return whether sites count their tables for sums, after the first step of set-up."""
    terms = part_of(record.terms, SumTerms)
    return terms is not None and terms.statistics is not msgspec.UNSET


def layouts_of(record: StudyRecord) -> SumTerms:
    """Return how a study counts for its sums.

    Raises:
        LookupError: it has none.
    """
    terms = part_of(record.terms, SumTerms)
    if terms is None:
        raise LookupError("the study has no sums of statistics")
    return terms


def _register(tx: StudyRegister) -> None:
    """Refuse sums of statistics that would not be hidden, or that privacy is not charged for."""
    terms = part_of(tx.terms, SumTerms)
    if terms is None:
        return
    others = {name.partition("@")[0] for name in tx.modules}
    if not hides(tx.modules) or "privacy" in others:
        raise Rejected("refused", "only a study with masked updates and no noise has sums")
    holders = len(tx.sites)
    if isinstance(terms.degree, int):
        even_degree(terms.degree)
        holders = min(terms.degree, holders - 1)
    check_holders(terms.threshold, holders, holders)


def _holds(record: StudyRecord, number: int) -> StudyRecord:
    """Return a registration as it holds in a sum: masks over everybody, and no more."""
    terms = part_of(record.terms, SumTerms)
    if terms is None:
        return record
    graph = GraphTerms(degree=terms.degree) if isinstance(terms.degree, int) else None
    design = "secagg@1" if graph is None else "secagg_plus@1"
    return msgspec.structs.replace(
        record, design=design, modules=("dealing@1", design), weights="equal",
        terms=together("terms", [DealingTerms(threshold=terms.threshold), graph, terms]),
    )  # fmt: skip


def _open_sum(course: StudyAt, number: int) -> list[Event] | None:
    """Open a sum among all sites that are there, each as good as another; None if too few are.

    Who was silent has no part in it while enough others are left.
    """
    needed = fewest(terms_in(course.record, number))
    there, skipped = silence.skipping(course, number, ready(course), needed)
    if len(there) < needed:
        return None
    return [*skipped, *rounds.begin_round(course, number, dict.fromkeys(there, 1), "summing")]


def _opened(at: RoundAt) -> Event:
    voters = at.powers("validators")
    return SumOpened(
        **at.here, design=at.record.design, model=at.course.status.model,
        participants=at.members("participants"), powers=tuple(voters.values()),
        validators=tuple(voters),
    )  # fmt: skip


def _end(course: StudyAt, phase: str) -> list[Event]:
    """End the open sum, which nothing changes any more."""
    rounds.freeze_round(course, course.status.round)
    course.move(phase=phase, round=course.status.closed_rounds)
    return governance.round_ends(course.state)


def _record(at: RoundAt, total: str, power: int) -> Event:
    found = SumRecord(attempt=at.attempt, sites=at.names("included"), total=total)
    at.state.put(at.course.table("sums"), f"{at.number:08d}", found)
    return SumClosed(**at.here, power=power, total=total)


def _test_opens(course: StudyAt) -> list[Event] | None:
    """Open the sum over test rows; None where there is none."""
    if not evaluates_by_sum(course.record):
        return None
    opened = _open_sum(course, EVALUATION)
    return _without_sum(course, "too-few") if opened is None else opened


def _evaluation_closes(at: RoundAt, total: str, power: int) -> list[Event]:
    return [_record(at, total, power), *_end(at.course, "evaluation")]


def _without_sum(course: StudyAt, reason: str) -> list[Event]:
    """Go on without the sum over test rows: the model stands, and sites say what each may say."""
    given_up = SumGivenUp(study=course.study, reason=reason)
    if course.status.phase == "summing":
        return [given_up, *_end(course, "evaluation")]
    course.move(phase="evaluation")
    return [given_up]


def _open_step(course: StudyAt, step: int) -> list[Event] | None:
    """Open the sum of a step of set-up; None where sites say plainly what it asks for."""
    if not sums_steps(course.record):
        return None
    opened = _open_sum(course, SET_UP + step)
    return rounds.fail_study(course, "too-few", round_open=False) if opened is None else opened


def _statistics_close(at: RoundAt, total: str, power: int) -> list[Event]:
    closed = _record(at, total, power)
    ended = _end(at.course, "statistics")
    return [closed, *ended, *agree(at.course, total, power)]


def _statistics_given_up(course: StudyAt, reason: str) -> list[Event]:
    ended = _end(course, "statistics")
    return [*rounds.fail_study(course, reason, round_open=False), *ended]


RULES = Rules(
    MECHANISM,
    registers=_register,
    holds=_holds,
    test_opens=_test_opens,
    opens_step=_open_step,
    series={
        "evaluation": Series(_evaluation_closes, _without_sum, _opened),
        "statistics": Series(_statistics_close, _statistics_given_up, _opened),
    },
)
