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
            f"the budget of epsilon {terms.budget / MICRO:g} is sufficient for {affordable} of "
            f"{rounds} rounds. The study then ends with its current model"
        )
        found.append(Notice("warning", "privacy.budget-ends", text))
    if study.consensus.engine == "solo":
        text = (
            "this run protects nobody: in a simulation, keys and noise follow from the study's "
            "public seed. The epsilon holds for members with their own secrets"
        )
        found.append(Notice("note", "privacy.simulated", text))
    if terms.unit != "client":
        text = "training.batch_size has no effect: sampling_rate determines the units in a step"
        found.append(Notice("note", "privacy.batch-size", text))
    if study.aggregation.rule.split("+")[-1] != "fedavg":
        text = (
            "noise makes honest updates differ, increasingly with the number of parameters. "
            f"{study.aggregation.rule} can distinguish them less well from bad ones"
        )
        found.append(Notice("warning", "privacy.robust-rule", text))
    return tuple(found)
