"""Privacy budgets, recomputed from the history and the document: what was spent, and by whom.

The document alone says what a round costs. What was registered, and what the contract noted, are
held against that; so a charge that everybody agreed to make too small is found as well.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from collegium.accounting.adaptive import GRID
from collegium.accounting.loss_distribution import tight_epsilon
from collegium.accounting.orders import MICRO, NANO
from collegium.accounting.terms import spent_after
from collegium.audit.findings import Finding, StudyPrivacySpent, of_error
from collegium.audit.seam import Audited, Checked, Checking
from collegium.audit.studies import StudyHistory
from collegium.audit.subjects import AboutMember, AboutRound, AboutStudy, Value
from collegium.errors import CollegiumError
from collegium.ledger.contract.declared import part_of
from collegium.mechanisms.privacy.terms import BudgetExhausted, Charged, Within
from collegium.study.document import Study
from collegium.study.privacy import evaluation_epsilon, privacy_terms, size_epsilon


@dataclass(slots=True)
class Exhausted:
    """How a study's training ended where no budget was left for another round."""

    event: BudgetExhausted | None = None


def charged_rounds(study_history: StudyHistory) -> Counter[str]:
    """Return for how many rounds each site that accepted was charged, by the rounds that opened."""
    rounds = Counter(dict.fromkeys(study_history.accepted, 0))
    for attempt in study_history.attempts.values():
        if attempt.opened.attempt == 1:
            rounds.update(attempt.opened.participants)
    return rounds


def check_budgets(
    study_history: StudyHistory, study: Study
) -> tuple[list[StudyPrivacySpent], list[Finding]]:
    """Return what each site's units have lost, recomputed, and what does not hold of it.

    A round counts for each of its participants from its first attempt on, whether or not they
    sent anything.
    """
    where = study_history.registration.study
    try:
        terms = privacy_terms(study)
    except CollegiumError as error:
        return [], [Finding("privacy.impossible", "error", AboutStudy(where), of_error(error))]
    if terms is None:
        return [], []
    rounds: Counter[str] = Counter()
    findings: list[Finding] = []
    for attempt in study_history.attempts.values():
        opened = attempt.opened
        if opened.attempt == 1:
            rounds.update(opened.participants)
        right = tuple(spent_after(terms, rounds[name]) for name in opened.participants)
        charged = part_of(opened.parts, Charged)
        if charged is None or charged.spent != right:
            noted: dict[str, Value] = {"case": "nothing" if charged is None else "other"}
            findings.append(
                Finding("privacy.spent", "error", AboutRound(where, opened.round), noted)
            )
            break
    for name, count in sorted(rounds.items()):
        lost = spent_after(terms, count)
        if lost > terms.budget:
            told: dict[str, Value] = {
                "count": count, "epsilon": lost / MICRO, "unit": terms.unit,
                "budget": terms.budget / MICRO,
            }  # fmt: skip
            findings.append(Finding("privacy.overdrawn", "error", AboutMember(name, where), told))
    ended = study_history.of(Exhausted).event
    if ended is not None:
        told = {"members": tuple(ended.members), "round": ended.round}
        findings.append(Finding("privacy.exhausted", "note", AboutStudy(where), told))
    opened_first = [
        one.opened for one in study_history.attempts.values() if one.opened.attempt == 1
    ]
    parts = [part_of(one.parts, Charged) for one in opened_first]
    clips = tuple(
        2.0 ** (one.clip / GRID) for one in parts if one is not None and isinstance(one.clip, int)
    )
    spent = [
        StudyPrivacySpent(
            study=where, site=name, unit=terms.unit, rounds=rounds[name],
            epsilon=spent_after(terms, rounds[name]) / MICRO, budget=terms.budget / MICRO,
            delta=terms.delta / 10**15, evaluation=evaluation_epsilon(terms),
            mechanism=terms.mechanism, sampling_rate=terms.sampling / NANO,
            noise_multiplier=terms.noise / MICRO, steps_per_round=terms.steps,
            accountant=terms.accountant, clips=clips,
            tight=tight_epsilon(terms, rounds[name], size_epsilon(terms)),
        )
        for name in sorted(study_history.accepted)
    ]  # fmt: skip
    return spent, findings


def _exhausted(study_history: StudyHistory, event: BudgetExhausted) -> None:
    study_history.of(Exhausted).event = event


def _checks(audited: Audited) -> Checked:
    if audited.study is None:
        return Checked([])
    spent, findings = check_budgets(audited.history, audited.study)
    counts = {"budgets": len(spent)} if spent else {}
    return Checked(findings, counts, {"privacy": tuple(spent)})


CHECKING = Checking(
    notes={BudgetExhausted: _exhausted},
    differs={Within: lambda where: Finding("round.model", "error", where, {"case": "within"})},
    counted={"budgets": "privacy budgets, each added up again"},
    checks=_checks,
)
