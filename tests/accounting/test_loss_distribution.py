"""The tighter account: against closed forms, another accountant's figures, and the ledger's own."""

from __future__ import annotations

from decimal import Decimal
from math import erfc, exp, inf, sqrt

import pytest

from collegium.accounting.conversion import added, charge_of, conversion, micro_epsilon
from collegium.accounting.gaussian import gaussian_rdp
from collegium.accounting.loss_distribution import composed_epsilon, tight_epsilon
from collegium.accounting.pure import pure_rdp
from collegium.study.privacy import privacy_terms, size_epsilon
from collegium.study.reading import read_study


def divergences(q: float, z: float, steps: int, delta: float, pure: float = 0.0) -> float:
    """Return the ledger's figure for the same releases."""
    charges = [charge_of(gaussian_rdp(Decimal(str(z)), Decimal(str(q))), steps)]
    if pure:
        charges.append(charge_of(pure_rdp(Decimal(str(pure)))))
    return micro_epsilon(added(*charges), conversion(Decimal(repr(delta)))) / 1e6


def exact_delta(epsilon: float, distance: float) -> float:
    """Return delta of normal noise (Balle and Wang, ICML 2018, theorem 8): distance D / sigma."""

    def below(x: float) -> float:
        return 0.5 * erfc(-x / sqrt(2))

    half = distance / 2
    return below(half - epsilon / distance) - exp(epsilon) * below(-half - epsilon / distance)


@pytest.mark.parametrize(
    ("z", "steps", "published"),
    [(1, 10, 19.1), (1, 50, 57), (2, 10, 8.1), (4, 10, 3.6), (4, 100, 14.1), (8, 100, 6.12)],
)
def test_whole_tables_cost_what_the_closed_form_says_and_less_than_is_charged(
    z: float, steps: int, published: float
) -> None:
    found = composed_epsilon(1.0, z, steps, 1e-5)
    assert exact_delta(found, sqrt(steps) / z) == pytest.approx(1e-5, rel=1e-3)
    assert found <= divergences(1, z, steps, 1e-5) <= published * 1.02


# The figures are those of Google's dp-accounting 0.6.0, by privacy loss distributions.
@pytest.mark.parametrize(
    ("q", "z", "steps", "delta", "expected"),
    [
        (0.01, 1, 1000, 1e-5, 1.828), (0.01, 0.8, 1000, 1e-5, 3.141), (0.1, 1, 200, 1e-4, 8.607),
        (0.1, 2, 200, 1e-4, 2.866), (0.05, 1.2, 500, 1e-5, 5.398), (0.1, 1.38, 300, 1e-5, 7.149),
        (0.1, 2.21, 300, 1e-5, 3.665), (0.1, 3.89, 300, 1e-5, 1.829),
        (0.1, 7.14, 300, 1e-5, 0.913),
    ],
)  # fmt: skip
def test_samples_cost_what_another_accountant_says_and_less_than_is_charged(
    q: float, z: float, steps: int, delta: float, expected: float
) -> None:
    found = composed_epsilon(q, z, steps, delta)
    assert found == pytest.approx(expected, abs=6e-4)
    assert found <= divergences(q, z, steps, delta)


def test_a_release_of_a_pure_epsilon_is_composed_with_the_rest() -> None:
    alone, without = composed_epsilon(0.1, 1e3, 1, 1e-9, 0.4), composed_epsilon(0.1, 2, 100, 1e-5)
    assert alone == pytest.approx(0.4, abs=1e-3)
    together = composed_epsilon(0.1, 2, 100, 1e-5, 0.4)
    assert without < together < without + 0.4
    assert together <= divergences(0.1, 2, 100, 1e-5, 0.4)


def test_one_step_has_the_loss_of_its_two_mixtures() -> None:
    """Numerically: the larger of both directions of the hockey-stick divergence."""
    q, z, epsilon = 0.3, 0.9, 0.35
    step, removed, added_ = 1e-3, 0.0, 0.0
    for i in range(-12_000, 13_000):
        x = i * step
        without, inside = exp(-x * x / (2 * z * z)), exp(-((x - 1) ** 2) / (2 * z * z))
        mixture = (1 - q) * without + q * inside
        removed += max(0.0, mixture - exp(epsilon) * without)
        added_ += max(0.0, without - exp(epsilon) * mixture)
    delta = max(removed, added_) * step / (z * sqrt(2 * 3.141592653589793))
    assert composed_epsilon(q, z, 1, delta) == pytest.approx(epsilon, abs=1e-3)


def test_what_no_noise_bounds_is_infinite() -> None:
    assert composed_epsilon(0.5, 0.2, 10_000, 1e-5) > 10_000
    assert composed_epsilon(0.1, 1.0, 10, 1e-18) == inf


def test_a_study_s_tighter_figure_covers_its_size_and_is_within_its_budget() -> None:
    changes = ["privacy.differential_privacy={unit='patient', epsilon=8.0, delta=1e-5}"]
    terms = privacy_terms(read_study("heart", changes).study)
    assert terms is not None
    found = tight_epsilon(terms, 100, size_epsilon(terms))
    assert found is not None
    assert (
        composed_epsilon(terms.sampling / 1e9, terms.noise / 1e6, 100 * terms.steps, 1e-5)
        < found
        < 8.0
    )


def test_skellam_noise_on_whole_updates_has_no_such_figure() -> None:
    changes = [
        "privacy.differential_privacy={unit='client', mechanism='local', epsilon=8.0, delta=1e-5}",
        "aggregation.weights=equal",
    ]
    terms = privacy_terms(read_study("heart", changes).study)
    assert terms is not None
    assert tight_epsilon(terms, 1, 0.0) is None
