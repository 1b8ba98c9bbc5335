"""Noise in parts is enough for the worst round: fewest sites, and some of them tell theirs."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from math import ceil, sqrt

import numpy as np
import pytest
from numpy.typing import NDArray

from collegium.accounting.orders import MICRO, ORDERS
from collegium.accounting.skellam import skellam_rdp
from collegium.accounting.updates import LEAST_BOUND
from collegium.errors import StudyError
from collegium.federation.identity import Identity, member_key
from collegium.federation.local_updates import Assignment
from collegium.federation.stages import InRound, stages_of
from collegium.learning.client_level_privacy import clipped
from collegium.ledger.contract.ring import ring_of
from collegium.mechanisms.privacy.site import SitePrivacy, site_privacy
from collegium.study.document import Study
from collegium.study.reading import read_study
from collegium.study.terms import fewest_sites, fewest_updates

SITES, SIZE = 10, 60_000
MODEL = bytes(32)


def study_of(*changes: str) -> Study:
    return read_study(
        "heart10",
        (
            'privacy.secure_aggregation={ protocol = "secagg", trust = "honest_but_curious" }',
            "privacy.differential_privacy={unit='client', mechanism='central', epsilon=20.0,"
            " delta=1e-5, clip=0.5, colluders=2}",
            "aggregation.weights=equal", "study.max_attempts=1", "study.min_sites=7",
            "training.rounds=3", *changes,
        ),
    ).study  # fmt: skip


def members(study: Study) -> Iterator[SitePrivacy]:
    for number in range(SITES):
        secret = bytes([number]) * 32
        identity = Identity(f"s{number}", bytes(32), member_key(secret), secret)
        found = site_privacy(study, identity)
        assert found is not None
        yield found


def parts_of_noise(study: Study, least: int) -> list[NDArray[np.int64]]:
    """What each site adds to an update of nothing."""
    nothing, start = np.zeros(SIZE, np.int16), np.zeros(SIZE, np.float32)
    work = Assignment(
        1, study.aggregation.exponent, (), (), MODEL, start, SITES, lambda: None, fewest=least
    )
    stages = stages_of(study)
    return [
        stages.to_keep(nothing, InRound(work, one.identity)).astype(np.int64)
        for one in members(study)
    ]


def claimed(study: Study) -> float:
    """The variance of the noise that the study's epsilon is charged for."""
    terms = next(members(study)).terms
    bound = max(LEAST_BOUND, int(0.5 * 2.0**study.aggregation.exponent))
    return float((terms.noise / MICRO * bound) ** 2)


def enough(parts: list[NDArray[np.int64]], variance: float) -> bool:
    """Whether a sum of parts has that variance, but for five standard deviations of measuring."""
    return bool(sum(parts).var() >= variance * (1 - 5 * sqrt(2 / SIZE)))  # type: ignore[union-attr]


def test_the_fewest_sites_less_the_colluders_noise_is_the_claimed_one() -> None:
    study = study_of()
    least = fewest_sites(study, SITES)
    parts = parts_of_noise(study, least)
    assert fewest_updates(study, SITES) >= least == 7
    honest = parts[: least - 2]
    assert enough(honest, claimed(study))
    assert sum(honest).var() == pytest.approx(claimed(study), rel=0.05)  # type: ignore[union-attr]
    assert enough(parts, claimed(study)), "nobody dropped out: more than enough"


@pytest.mark.parametrize(
    ("calibrated_for", "why"),
    [
        (SITES, "all sites, and three dropped out"),
        (9, "the colluders forgotten"),
        (8, "one of two"),
    ],
)
def test_noise_made_for_more_sites_is_found_out(calibrated_for: int, why: str) -> None:
    study = study_of()
    honest = parts_of_noise(study, calibrated_for)[: fewest_sites(study, SITES) - 2]
    assert not enough(honest, claimed(study)), why


def test_colluders_who_take_their_noise_away_leave_the_claimed_epsilon() -> None:
    """The divergence of the noise that is left is at most the charge, at every order.

    By theorem 3.5 of Agarwal, Kairouz and Liu, in fractions.
    """
    study = study_of()
    terms = next(members(study)).terms
    bound = max(LEAST_BOUND, int(0.5 * 2.0**study.aggregation.exponent))
    least = fewest_sites(study, SITES)
    left = Fraction(terms.noise, MICRO) ** 2 * bound**2 / (least - 2) * (least - 2)
    square = Fraction(bound**2)
    for order, charge in zip(ORDERS, terms.charge, strict=True):
        if order != int(order) or order < 2:
            continue
        a = int(order)
        more = min(((2 * a - 1) * square + 6 * square) / (4 * left**2), 3 * square / (2 * left))
        assert a * square / (2 * left) + more <= Fraction(charge, MICRO)


@pytest.mark.parametrize(("z", "sensitivity", "order", "expected"), [
    (1, 64, 2, "1.00054931640625"), (2, 64, 2, "0.2500343322753906"), (1, 1, 2, "2.5"),
    (4, 1, 8, "0.2705078125"),
])  # fmt: skip
def test_golden_divergences_of_skellam_noise(
    z: int, sensitivity: int, order: int, expected: str
) -> None:
    """a D2²/2m + min(((2a - 1) D2² + 6 D1)/4m², 3 D1/2m), m = (z D2)², D1 = D2²: by hand."""
    found = skellam_rdp(Decimal(z), sensitivity)[ORDERS.index(Decimal(order))]
    assert float(found) == pytest.approx(float(expected), rel=1e-6)


def test_a_checked_study_has_room_for_ten_standard_deviations() -> None:
    """So neither an update is cut nor a sum wraps; what has less room is refused with a choice."""
    for key in ("epsilon=3.0", "epsilon=20.0", "noise_multiplier=1.9"):
        change = f"privacy.differential_privacy.{key}"
        accepted = []
        for exponent in range(-8, 31):
            try:
                study = study_of(change, f"aggregation.exponent={exponent}")
            except StudyError:
                continue
            accepted.append(exponent)
            terms = next(members(study)).terms
            bound = ceil(0.5 * 2.0**exponent)
            sigma = terms.noise / MICRO * bound / sqrt(fewest_sites(study, SITES) - 2)
            assert bound + 10 * sigma <= 32767
            assert SITES * (bound + 10 * sigma) < 2 ** (ring_of([1] * SITES, 2) - 1)
        assert accepted, f"some exponent has room with {change}"


def test_clipping_in_integers_needs_no_second_rounding() -> None:
    """The accepted-rounding rule bounds by s C plus something; what leaves is within s C itself."""
    generator = np.random.default_rng(5)
    bound = int(0.5 * 2.0 ** study_of().aggregation.exponent)
    for scale in (1, 50, 3000):
        values = np.clip(generator.normal(0, scale, 500), -32767, 32767).astype(np.int16)
        short = clipped(values, bound).astype(np.int64)
        square, length = int((short**2).sum()), int(np.abs(short).sum())
        assert square <= bound**2
        assert length <= min(sqrt(500 * square), square)
