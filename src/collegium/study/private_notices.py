"""What the owner of a study with differential privacy should know before it runs."""

from __future__ import annotations

from collegium.accounting.orders import MICRO
from collegium.accounting.terms import PrivacyTerms, affordable_rounds
from collegium.study.document import Study
from collegium.study.notice import Notice
from collegium.study.privacy import in_words


def about_privacy(study: Study, terms: PrivacyTerms) -> tuple[Notice, ...]:
    """Return what an epsilon means, and what else follows from differential privacy."""
    rounds = study.training.rounds
    affordable = affordable_rounds(terms, rounds)
    found = [Notice("note", "privacy.epsilon", {"text": in_words(terms, affordable)})]
    if affordable < rounds:
        told = {"budget": terms.budget / MICRO, "affordable": affordable, "rounds": rounds}
        found.append(Notice("warning", "privacy.budget-ends", told))
    if study.consensus.engine == "solo":
        found.append(Notice("note", "privacy.simulated"))
    if terms.unit != "client":
        found.append(Notice("note", "privacy.batch-size"))
    if study.aggregation.rule.split("+")[-1] != "fedavg":
        found.append(Notice("warning", "privacy.robust-rule", {"rule": study.aggregation.rule}))
    return tuple(found)
