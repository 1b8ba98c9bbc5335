"""Privacy budgets: what each site's units have lost, and whether another round is within bounds.

A site is charged when a round opens with it, once however many attempts the round takes: a site
sends the same update in each of them, and another one is refused. Charges are integers that the
study registered, so the contract only adds and compares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from collegium.accounting.conversion import Charge, added, times
from collegium.accounting.terms import ChargeVector, PrivacyTerms, spent_after
from collegium.ledger.contract.context import RoundAt, StudyAt
from collegium.ledger.contract.declared import hides, part_of
from collegium.ledger.contract.event import Event
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.results import ModelResult
from collegium.ledger.contract.rules import Rules
from collegium.ledger.contract.tables import (
    Record,
    RevealRecord,
    StudyRecord,
    attempt_key,
)
from collegium.ledger.contract.transactions import StudyRegister, UpdateReveal
from collegium.ledger.state import Path
from collegium.mechanisms.privacy import clip
from collegium.mechanisms.privacy.terms import MECHANISM, BudgetExhausted, Charged, Within

LOSSES: Path = ("losses",)
"""Where sites' losses over all studies are."""


class Budget(Record, frozen=True, kw_only=True):
    """What a site's units have lost in a study: rounds charged, and millionths of epsilon."""

    rounds: int
    spent: int


class CumulativePrivacy(Record, frozen=True, kw_only=True):
    """What a site's units of one kind have lost in all studies of the ledger together."""

    charge: ChargeVector


def cumulative_privacy_key(site: str, unit: str) -> str:
    """Return where a site's losses over all studies are kept, for one kind of unit."""
    return f"{site}/{unit}"


def _terms(course: StudyAt) -> PrivacyTerms:
    terms = course.terms(PrivacyTerms)
    if terms is None:
        raise LookupError(course.study)
    return terms


def _register(tx: StudyRegister) -> None:
    terms = part_of(tx.terms, PrivacyTerms)
    if terms is not None:
        clip.require_room(terms, tx.exponent)


def _registered(course: StudyAt) -> None:
    clip.begin(course, _terms(course))


def _accepted(course: StudyAt, site: str) -> None:
    """Charge a site for what its acceptance tells."""
    terms = _terms(course)
    _put(course, terms, site, 0)
    _lose(course, terms, site, terms.setup)


def _has_no_room(course: StudyAt, sites: Sequence[str]) -> list[str]:
    """Return those of some sites whose budgets have no room for one more round."""
    terms = _terms(course)
    return [site for site in sites if spent_after(terms, _rounds(course, site) + 1) > terms.budget]


def _exhausted(course: StudyAt, sites: Sequence[str]) -> Event:
    number = course.status.closed_rounds + 1
    return BudgetExhausted(study=course.study, round=number, members=tuple(sites))


def _round_opens(course: StudyAt, chosen: Sequence[str], voters: Mapping[str, int]) -> None:
    """Charge the participants of a round that opens, and fix its clip."""
    terms = _terms(course)
    for site in chosen:
        _put(course, terms, site, _rounds(course, site) + 1)
        _lose(course, terms, site, terms.charge)
    clip.fix(course)


def _opened(at: RoundAt) -> Charged:
    budgets = (_budget(at.course, site) for site in at.members("participants"))
    spent = tuple(budget.spent for budget in budgets if budget is not None)
    return Charged(clip=clip.in_round(at.state, at.study, at.number), spent=spent)


def _evaluated(course: StudyAt, site: str) -> None:
    """Charge a site for its statement about the test part, whose units took no part in rounds.

    They and the others are different units, so that only what exceeds the others' loss in the
    study is added to what any of the site's units may have lost.
    """
    terms = _terms(course)
    trained = added(terms.setup, times(terms.charge, _rounds(course, site)))
    more = tuple(max(0, one - other) for one, other in zip(terms.evaluation, trained, strict=True))
    _lose(course, terms, site, more)


def _reveals(at: RoundAt, tx: UpdateReveal, sender: str) -> None:
    """Refuse a second update in a round that was charged for one.

    Under masks one update looks different in every attempt, so there the site's word has to do.

    Raises:
        Rejected: an earlier attempt of the round saw another update of the same site.
    """
    if hides(at.record.modules):
        return
    path = at.table("reveals")
    for attempt in range(1, tx.attempt):
        before = at.state.record(path, attempt_key(attempt, sender), RevealRecord)
        if before is not None and before.digest != tx.digest:
            raise Rejected("refused", "the round's charge is for one update, and this is another")


def _votes(record: StudyRecord, result: ModelResult) -> None:
    terms, told = part_of(record.terms, PrivacyTerms), part_of(result.parts, Within)
    follows = terms is not None and isinstance(terms.clip, int)
    if follows == (told is None):
        raise Rejected("malformed", "votes tell of a clip where it follows the updates alone")


def _bounds(record: StudyRecord) -> bool:
    terms = part_of(record.terms, PrivacyTerms)
    return terms is not None and terms.protects.whole_site


def _encodes(at: RoundAt, result: ModelResult, updates: int) -> int | None:
    """Return the next exponent where whole sites are protected.

    Clip and noise are made for the exponent that there is: both move together, or not at all.
    """
    terms, told = _terms(at.course), part_of(result.parts, Within)
    if told is not None:
        return clip.follow(at, terms, updates, told.within)
    return at.current.exponent if terms.protects.whole_site else None


def _put(course: StudyAt, terms: PrivacyTerms, site: str, rounds: int) -> None:
    budget = Budget(rounds=rounds, spent=spent_after(terms, rounds))
    course.state.put(course.table("budgets"), site, budget)


def _budget(course: StudyAt, site: str) -> Budget | None:
    return course.state.record(course.table("budgets"), site, Budget)


def _rounds(course: StudyAt, site: str) -> int:
    budget = _budget(course, site)
    return 0 if budget is None else budget.rounds


def _lose(course: StudyAt, terms: PrivacyTerms, site: str, more: Charge) -> None:
    key = cumulative_privacy_key(site, terms.unit)
    known = course.state.record(LOSSES, key, CumulativePrivacy)
    charged = more if known is None else added(known.charge, more)
    course.state.put(LOSSES, key, CumulativePrivacy(charge=charged))


RULES = Rules(
    MECHANISM,
    registers=_register,
    registered=_registered,
    accepted=_accepted,
    evaluated=_evaluated,
    has_no_room=_has_no_room,
    exhausted=_exhausted,
    round_opens=_round_opens,
    opened=_opened,
    reveals=_reveals,
    votes=_votes,
    encodes=_encodes,
    bounds=_bounds,
)
