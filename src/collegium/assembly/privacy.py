"""Whether a study's differential privacy fits what only its data and its parts tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from collegium.accounting.cross_check import cross_check
from collegium.accounting.loss_distribution import NAME, tight_epsilon
from collegium.accounting.orders import MICRO, NANO
from collegium.accounting.terms import affordable_rounds, spent_after
from collegium.data.table import SiteRows, Task
from collegium.federation.view import StudyView
from collegium.learning.models import ModelSpec
from collegium.learning.private import SEPARABLE, PrivateTrainer
from collegium.learning.trainer import Trainer
from collegium.study.document import Study
from collegium.study.english import Value
from collegium.study.notice import Notice
from collegium.study.privacy import evaluation_epsilon, privacy_terms, size_epsilon
from collegium.study.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Spending:
    """What a study's units have lost by the ledger, and what makes that figure mean something.

    `spent` is the epsilon of each site's units; `evaluation` the pure one of its test part's;
    `tight` the largest of `spent` by privacy loss distributions, where those are known.
    """

    unit: str
    epsilon: float
    tight: float | None
    delta: float
    spent: dict[str, float]
    evaluation: float
    mechanism: str
    sampling_rate: float
    noise_multiplier: float
    steps_per_round: int
    accountant: str
    rounds: dict[str, int]


def charged_rounds(view: StudyView, sites: Iterable[str]) -> dict[str, int]:
    """Return for how many rounds each site's units were charged so far."""
    budgets = {name: view.budget(name) for name in sites}
    return {name: budget.rounds for name, budget in budgets.items() if budget is not None}


def spending_of(study: Study, rounds: Mapping[str, int]) -> Spending | None:
    """Return what a study's units have lost so far; None without differential privacy.

    Args:
        study: the document.
        rounds: for how many rounds each site that accepted was charged.
    """
    terms = privacy_terms(study)
    if terms is None:
        return None
    spent = {name: spent_after(terms, count) / MICRO for name, count in rounds.items()}
    return Spending(
        unit=terms.unit,
        epsilon=max(spent.values(), default=0.0),
        tight=tight_epsilon(terms, max(rounds.values(), default=0), size_epsilon(terms)),
        delta=terms.delta / 10**15,
        spent=spent,
        evaluation=evaluation_epsilon(terms),
        mechanism=terms.mechanism,
        sampling_rate=terms.sampling / NANO,
        noise_multiplier=terms.noise / MICRO,
        steps_per_round=terms.steps,
        accountant=terms.accountant,
        rounds=dict(rounds),
    )


_PATH = ("privacy", "differential_privacy")


def check_privacy(
    study: Study, spec: ModelSpec, trainer: Trainer, cut: Iterable[tuple[SiteRows, SiteRows]]
) -> None:
    """Refuse what has no DP-SGD, and units of which one would lose more than is accounted for.

    Args:
        study: the document.
        spec: its model.
        trainer: its trainer.
        cut: each site's rows, as training and test part.

    Raises:
        Refusal: ``study.combination``.
    """
    wanted = study.privacy.differential_privacy
    if wanted is None or not wanted.protects.in_training:
        return
    if not isinstance(trainer, PrivateTrainer):
        raise Refusal(
            ("training", "trainer"), "study.combination",
            f"the trainer {study.training.trainer!r} has no differential privacy",
            "it would have to bound what each patient adds to each of its steps",
            'set training.trainer = "dense" or "jax", or remove privacy.differential_privacy',
        )  # fmt: skip
    if spec.loss not in SEPARABLE:
        raise Refusal(
            ("model", "architecture"), "study.combination",
            f"a model with the loss {spec.loss!r} has no differential privacy here",
            "its loss is no sum over patients: what one of them adds depends on who else is there,"
            " and clipping it bounds nothing",
            'choose another model.architecture, or protect whole sites: unit = "client"',
        )  # fmt: skip
    for rows, tested in cut:
        persons = len(np.unique(rows.person))
        both = len(np.intersect1d(rows.person, tested.person))
        if wanted.unit == "patient" and both:
            raise Refusal(
                ("data", "split"), "study.combination",
                f"{both} persons of {rows.name} are in both its training and its test part",
                "they would lose what a round costs and what a statement costs, together",
                "cut by person, not by time, or remove privacy.differential_privacy",
            )  # fmt: skip
        if wanted.unit == "record" and persons < len(rows.person):
            raise Refusal(
                (*_PATH, "unit"), "study.combination",
                f"{rows.name} has {len(rows.person)} rows of {persons} persons",
                "an epsilon for a row says little to a person who has several",
                'set unit = "patient"',
            )  # fmt: skip


def about_distributions(study: Study) -> tuple[Notice, ...]:
    """Return what tighter accounts make of a study, ours and, where one is installed, another."""
    terms = privacy_terms(study)
    if terms is None:
        return ()
    rounds = affordable_rounds(terms, study.training.rounds)
    tight = tight_epsilon(terms, rounds, size_epsilon(terms))
    if tight is None:
        return ()
    told: dict[str, Value] = {
        "case": "alone", "ours": NAME, "rounds": rounds, "tight": tight,
        "delta": terms.delta / 10**15, "unit": terms.unit, "accountant": terms.accountant,
    }  # fmt: skip
    opinion = cross_check(terms, rounds)
    if opinion is not None:
        told |= {"case": "another", "opinion": opinion[0], "other": opinion[1]}
    return (Notice("note", "privacy.second-opinion", told),)


def about_evaluation(study: Study, task: Task) -> tuple[Notice, ...]:
    """Return what sites can tell of the final model under differential privacy."""
    private = study.privacy.differential_privacy
    if private is None or private.protects.withholds or task == "binary":
        return ()
    case = "classes" if task == "multiclass" else "other"
    return (Notice("note", "privacy.evaluation", {"case": case}),)
