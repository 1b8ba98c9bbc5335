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
    found = [Notice("note", "privacy.epsilon", in_words(terms, affordable))]
    if affordable < rounds:
        text = (
            f"the budget of epsilon {terms.budget / MICRO:g} lasts for {affordable} of {rounds}"
            " rounds: the study ends there, with the model that it has"
        )
        found.append(Notice("warning", "privacy.budget-ends", text))
    if study.consensus.engine == "solo":
        text = (
            "in a simulation keys and noise follow from the study's public seed: the epsilon is"
            " what members with secrets of their own would get, and this run protects nobody"
        )
        found.append(Notice("note", "privacy.simulated", text))
    if terms.protects.in_training:
        text = "training.batch_size has no effect: sampling_rate says how many units a step has"
        found.append(Notice("note", "privacy.batch-size", text))
    if study.aggregation.rule.split("+")[-1] != "fedavg":
        text = (
            "noise makes honest updates differ, by more the more parameters there are, and"
            f" {study.aggregation.rule} has a harder time telling them from bad ones"
        )
        found.append(Notice("warning", "privacy.robust-rule", text))
    return tuple(found)
