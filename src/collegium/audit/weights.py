"""With which weight each site's updates counted, and whose claim of one was lowered."""

from __future__ import annotations

from collections.abc import Iterator

from collegium.audit.findings import Finding, SiteShare
from collegium.audit.studies import StudyHistory
from collegium.audit.subjects import AboutMember, At, Value
from collegium.errors import CollegiumError
from collegium.learning.aggregation.composition import rule_recorded, weighs
from collegium.ledger.contract.rules import each
from collegium.study.document import Study
from collegium.study.terms import group_count


def bounded_shares(study: str, study_history: StudyHistory) -> Iterator[Finding]:
    """Yield whose claimed weight counts in part alone, because it would outweigh the others."""
    if study_history.registration.weights != "rows":
        return
    scored = bool(each(study_history.terms.modules, lambda rules: rules.weighs))
    found: dict[str, list[tuple[At, int]]] = {}
    for record in study_history.attempts.values():
        opened = record.opened
        for name, weight in zip(opened.participants, opened.weights, strict=True):
            claimed = study_history.accepted[name].weight
            if weight < (max(1, claimed // 2) if scored else claimed):
                found.setdefault(name, []).append((At(opened.round, opened.attempt), weight))
    for name, places in sorted(found.items()):
        told: dict[str, Value] = {
            "claimed": study_history.accepted[name].weight,
            "counted": max(weight for _, weight in places),
        }
        where = AboutMember(name, study, tuple(place for place, _ in places))
        yield Finding("site.share-bounded", "note", where, told)


def site_shares(study_history: StudyHistory, study: Study) -> tuple[SiteShare, ...]:
    """Return which part of the weight each site had of the updates that closed rounds are made of.

    None where weights have no say: the rule gives every update the same one, or reduces the means
    of groups.
    """
    rule = study_history.registration.rule
    try:
        if group_count(study) or not weighs(rule_recorded(rule)):
            return ()
    except CollegiumError:  # a finding says that the rule is not installed
        return ()
    found: dict[str, list[tuple[int, float]]] = {}
    for record in study_history.closed_rounds:
        weights = dict(zip(record.opened.participants, record.opened.weights, strict=True))
        total = sum(weights[name] for name in record.included)
        for name in record.included:
            found.setdefault(name, []).append((weights[name], weights[name] / total))
    by_rows = study_history.registration.weights == "rows"
    return tuple(
        SiteShare(
            study=study_history.registration.study, site=name,
            claimed=study_history.accepted[name].weight if by_rows else 1,
            weight=max(weight for weight, _ in rounds),
            least=min(share for _, share in rounds), most=max(share for _, share in rounds),
        )
        for name, rounds in sorted(found.items())
    )  # fmt: skip
