"""What a study spends of its patients' privacy, as it follows from the document alone.

The size that a site registers and the statement about its test part are releases as well: they
leave as noised counts. Patients of the training part are in the former and in every round, those
of the test part in the latter; nobody is in both parts. Where a whole site is the unit, it tells
neither its size nor anything about its test part.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import lru_cache

import msgspec

from collegium.accounting.adaptive import GRID, nearest_below
from collegium.accounting.calibration import least_noise
from collegium.accounting.conversion import charge_of, conversion, micro_epsilon, times
from collegium.accounting.gaussian import gaussian_rdp
from collegium.accounting.orders import ACCOUNTANT, MICRO, NANO, ORDERS, exactly
from collegium.accounting.pure import pure_rdp
from collegium.accounting.terms import PrivacyTerms, affordable_rounds, spent_after
from collegium.accounting.updates import charge_of_update
from collegium.study.document import DifferentialPrivacy, Study
from collegium.study.notice import Notice
from collegium.study.refusal import Refusal
from collegium.study.simulated import is_in_one_process

SIZE_SHARE = Decimal("0.05")
"""The part of epsilon, as a pure one, that the registered size is released with."""

RATE = 0.1
"""The sampling rate of DP-SGD where a document names none."""

_DELTA = 10**15
_PATH = ("privacy", "differential_privacy")


def privacy_terms(study: Study) -> PrivacyTerms | None:
    """Return what a study registers about its privacy; None without differential privacy.

    Raises:
        Refusal: no noise keeps the rounds within epsilon, or not even one round is.
    """
    wanted = study.privacy.differential_privacy
    if wanted is None:
        return None
    if wanted.protects.in_training:
        return _of_training(wanted, study.training.rounds, study.training.local_epochs)
    return _of_updates(wanted, study.training.rounds)


def follows(study: Study) -> bool:
    """Return whether a study's clip follows its updates."""
    wanted = study.privacy.differential_privacy
    return wanted is not None and wanted.clipping == "adaptive"


def size_epsilon(terms: PrivacyTerms) -> float:
    """Return the pure epsilon with which a site's size is released."""
    return float(SIZE_SHARE * terms.budget / MICRO)


def evaluation_epsilon(terms: PrivacyTerms) -> float:
    """Return the pure epsilon of the statement about a test part; 0 where that tells nothing."""
    return 0.0 if terms.protects.withholds else terms.budget / MICRO


@lru_cache(maxsize=64)
def _of_training(wanted: DifferentialPrivacy, rounds: int, epochs: int) -> PrivacyTerms:
    budget = _units(wanted.epsilon, MICRO, ROUND_FLOOR)
    delta = max(1, _units(wanted.delta, _DELTA, ROUND_FLOOR))
    rate = _units(
        RATE if wanted.sampling_rate is None else wanted.sampling_rate, NANO, ROUND_CEILING
    )
    steps = epochs * -(-NANO // rate)
    with exactly():
        epsilon = Decimal(budget) / MICRO
        setup = charge_of(pure_rdp(SIZE_SHARE * epsilon))
        evaluation = charge_of(pure_rdp(epsilon))
        converting = conversion(Decimal(delta) / _DELTA)
        q = Decimal(rate) / NANO

    def with_noise(noise: int) -> PrivacyTerms:
        with exactly():
            multiplier = Decimal(noise) / MICRO
        return PrivacyTerms(
            accountant=ACCOUNTANT,
            budget=budget,
            charge=charge_of(gaussian_rdp(multiplier, q), steps),
            conversion=converting,
            delta=delta,
            evaluation=evaluation,
            mechanism="dp_sgd@1",
            noise=noise,
            sampling=rate,
            setup=setup,
            steps=steps,
            unit=wanted.unit,
        )

    return _calibrated(wanted, rounds, budget, with_noise)


@lru_cache(maxsize=64)
def _of_updates(wanted: DifferentialPrivacy, rounds: int) -> PrivacyTerms:
    """Return the terms of clipped and noised updates.

    Under local noise a site's rows may be any others, which moves a clipped update by at most
    twice the clip; the sum of a round counts or leaves out a site, which moves it by the clip.
    """
    budget = _units(wanted.epsilon, MICRO, ROUND_FLOOR)
    delta = max(1, _units(wanted.delta, _DELTA, ROUND_FLOOR))
    local = wanted.mechanism == "local"
    followed = wanted.clipping == "adaptive"
    with exactly():
        converting = conversion(Decimal(delta) / _DELTA)
    nothing = (0,) * len(ORDERS)

    def with_noise(noise: int) -> PrivacyTerms:
        return PrivacyTerms(
            accountant=ACCOUNTANT,
            budget=budget,
            charge=charge_of_update(noise, moves=2 if local else 1, followed=followed),
            clip=nearest_below(wanted.clip) if followed else msgspec.UNSET,
            conversion=converting,
            delta=delta,
            evaluation=nothing,
            mechanism="local_skellam@1" if local else "central_skellam@1",
            noise=noise,
            sampling=NANO,
            setup=nothing,
            steps=1,
            unit=wanted.unit,
        )

    return _calibrated(wanted, rounds, budget, with_noise)


def exchanged_epsilon(noise: int, delta: int, rounds: int, *, followed: bool) -> float:
    """Return the epsilon of central noise where a site's rows are exchanged for any others.

    What is charged is about a site that is counted or left out, which moves a sum by one clip;
    others' rows in its place move it by two.

    Args:
        noise: the noise multiplier, in millionths.
        delta: in units of 1e-15.
        rounds: in which the site took part.
        followed: whether the clip follows the updates.
    """
    with exactly():
        converting = conversion(Decimal(delta) / _DELTA)
    charge = times(charge_of_update(noise, moves=2, followed=followed), rounds)
    return micro_epsilon(charge, converting) / MICRO


def _calibrated(
    wanted: DifferentialPrivacy,
    rounds: int,
    budget: int,
    with_noise: Callable[[int], PrivacyTerms],
) -> PrivacyTerms:
    """Return terms with the noise that is wanted, or the least that keeps all rounds in budget."""
    if wanted.noise_multiplier is None:
        found = least_noise(lambda z: spent_after(with_noise(int(z * MICRO)), rounds), budget)
        if found is None:
            raise Refusal(
                (*_PATH, "epsilon"), "study.epsilon",
                f"no noise keeps {rounds} rounds within epsilon {wanted.epsilon:g}",
                f"at delta {wanted.delta:g} the releases cost more however much noise is added",
                "choose a larger epsilon, or a larger delta",
            )  # fmt: skip
        return with_noise(int(found * MICRO))
    terms = with_noise(_units(wanted.noise_multiplier, MICRO, ROUND_FLOOR))
    if affordable_rounds(terms, 1) == 0:
        raise Refusal(
            (*_PATH, "noise_multiplier"), "study.epsilon",
            f"one round alone spends epsilon {spent_after(terms, 1) / MICRO:.2f}",
            f"the budget is {wanted.epsilon:g}, so no round could take place",
            "leave noise_multiplier out to have the least that keeps all rounds within epsilon",
        )  # fmt: skip
    return terms


def _units(value: float, unit: int, rounding: str) -> int:
    """Return a document's number in units of 1 / `unit`: the decimal that it is written as."""
    with exactly():
        return int((Decimal(repr(float(value))) * unit).to_integral_value(rounding))


def in_words(terms: PrivacyTerms, rounds: int) -> str:
    """Return an epsilon with all that makes it mean something: what `rounds` rounds spend."""
    rate = terms.sampling / NANO
    sampling = "every unit in every step" if rate == 1 else f"Poisson samples of rate {rate:g}"
    how = f"{terms.steps} steps of DP-SGD: {sampling}"
    change = "added or removed"
    told = f" A test part's statement: epsilon {terms.budget / MICRO:g}, pure"
    if not terms.protects.in_training:
        told = ""
        how = "one clipped update with noise of its own: every site that is drawn"
        change = "exchanged for any others"
        if terms.mechanism == "central_skellam@1":
            how = "clipped updates whose sum has noise: every site that is drawn"
            change = "counted or left out, for those who see models and no update"
            other = exchanged_epsilon(
                terms.noise, terms.delta, rounds, followed=isinstance(terms.clip, int)
            )
            told = f" Exchanged for any others: epsilon {other:.4g}."
        told += " One person of a site loses at most what rows that are exchanged lose."
        if isinstance(terms.clip, int):
            how += f", clips from {2.0 ** (terms.clip / GRID):.3g} on that follow the updates"
        told += " A site reports neither its size nor the model's performance"
    return (
        f"epsilon {spent_after(terms, rounds) / MICRO:.3g} at delta {terms.delta / _DELTA:g} for"
        f" {terms.protects.whose} (unit {terms.unit}, {change}), after {rounds} rounds of {how},"
        f" noise multiplier {terms.noise / MICRO:g}; accountant {terms.accountant}.{told}"
    )


def about_privacy(study: Study, terms: PrivacyTerms) -> tuple[Notice, ...]:
    """Return what an epsilon means, and what else follows from differential privacy."""
    rounds = study.training.rounds
    affordable = affordable_rounds(terms, rounds)
    found = [Notice("note", "privacy.epsilon", {"text": in_words(terms, affordable)})]
    if affordable < rounds:
        told = {"budget": terms.budget / MICRO, "affordable": affordable, "rounds": rounds}
        found.append(Notice("warning", "privacy.budget-ends", told))
    if is_in_one_process(study):
        found.append(Notice("note", "privacy.simulated"))
    if terms.protects.in_training:
        found.append(Notice("note", "privacy.batch-size"))
    if study.aggregation.rule.split("+")[-1] != "fedavg":
        found.append(Notice("warning", "privacy.robust-rule", {"rule": study.aggregation.rule}))
    return tuple(found)


def bounded(private: DifferentialPrivacy) -> str:
    """Return what differential privacy bounds."""
    rate = RATE if private.sampling_rate is None else private.sampling_rate
    told, how = "all updates of the study together, and the site's size,", "DP-SGD"
    sampled = f"Poisson samples of rate {rate:g}"
    if not private.protects.in_training:
        told, how, sampled = "all updates of the study together", "Skellam noise", "no sampling"
    whom = (
        ", to those who see only sums or models; a single update contains only part of the noise"
        if private.mechanism == "central"
        else ""
    )
    return (
        f"differential privacy ({how}): {told} reveal at most epsilon {private.epsilon:g} at"
        f" delta {private.delta:g} about one {private.unit} ({sampled}, accountant rdp@1){whom}"
    )
