"""What is published against the rules, shown on ours: which attack gets through which rule.

Each test has the defense's good case beside it, so that it is the attack that makes the
difference and not a rule that never works.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.learning.aggregation.cases import aggregate, cloud, in_units, mean, updates

from collegium.learning.aggregation._internal.cosines import cosine_matrix
from collegium.learning.aggregation.flame import admitted
from collegium.learning.aggregation.foolsgold import foolsgold_weights
from collegium.learning.aggregation.krum import by_krum
from collegium.learning.aggregation.rows import rows_of

N, F, D = 20, 6, 400


def good() -> NDArray[np.int16]:
    return cloud(7, N - F, D, center=30, spread=300)


def with_bad(bad: NDArray[np.float64]) -> NDArray[np.int16]:
    """Return the good updates and F copies of a bad one, a unit apart."""
    steps = np.arange(F)[:, None] % 3
    return np.vstack([good(), np.rint(bad + steps).astype(np.int16)])


def along(found: NDArray[np.float64], direction: NDArray[np.float64]) -> float:
    """Return how far a result is from the good mean along a direction."""
    shift = found - good().astype(float).mean(axis=0)
    return float(shift @ direction / np.linalg.norm(direction))


def a_little(z: float) -> NDArray[np.float64]:
    wide = good().astype(float)
    return np.asarray(wide.mean(axis=0) + z * wide.std(axis=0))


def test_a_little_is_enough_for_krum() -> None:
    """Baruch, Baruch and Goldberg, 2019: nearer to the mean than any good update is."""
    far = with_bad(a_little(20))
    assert by_krum(rows_of(updates(far)), F)[0] < N - F
    near = with_bad(a_little(0.3))
    assert by_krum(rows_of(updates(near)), F)[0] >= N - F


@pytest.mark.parametrize("rule", ["median", "trimmed_mean", "meamed", "mda", "monna", "smea"])
def test_a_little_moves_what_a_lot_does_not(rule: str) -> None:
    """The same attack against rules that cut what stands out: it does not stand out."""
    direction = a_little(1) - a_little(0)

    # Four bad ones, so that all subsets can be looked at.
    def shift(z: float) -> float:
        rows = np.vstack([good(), np.tile(np.rint(a_little(z)), (4, 1)).astype(np.int16)])
        return along(mean(rule, rows, 4), direction)

    assert shift(0.7) > 0.5 * 4 / 18 * 0.7 * float(np.linalg.norm(direction))
    assert shift(0.7) > 1.5 * abs(shift(30)) or rule in ("median", "trimmed_mean")


def test_bulyan_does_not_see_a_little_either() -> None:
    n, f = 23, 5
    stay = cloud(7, n - f, D, center=30, spread=300)
    wide = stay.astype(float)
    bad = np.rint(np.tile(wide.mean(axis=0) + 0.5 * wide.std(axis=0), (f, 1))).astype(np.int16)
    found = mean("bulyan", np.vstack([stay, bad]), f)
    unit = wide.std(axis=0) / np.linalg.norm(wide.std(axis=0))
    pulled = float((found - wide.mean(axis=0)) @ unit)
    alone = float(
        (mean("bulyan", np.vstack([stay, bad * 0 + 30_000]), f) - wide.mean(axis=0)) @ unit
    )
    assert pulled > 3 * abs(alone)


def test_the_median_turns_around_under_a_small_negative_multiple() -> None:
    """Xie, Koyejo and Gupta, UAI 2019 (inner-product manipulation, a small epsilon)."""
    center = good().astype(float).mean(axis=0)
    few = np.vstack([cloud(7, 11, D, center=30), np.tile(np.rint(-0.5 * center), (9, 1))])
    for rule in ("median", "krum"):
        tolerate = 8 if rule == "krum" else 9
        given = few[: 11 + tolerate]
        honest = given[:11].mean(axis=0)
        assert mean(rule, given, tolerate) @ honest < 0.5 * float(honest @ honest)


def test_mimicking_one_site_drowns_the_others() -> None:
    """Karimireddy, He and Jaggi, ICLR 2022: where sites differ, copies of a good update suffice."""
    axes = 100 * np.eye(8, dtype=np.int16)
    rows = np.vstack([axes, np.tile(axes[0], (3, 1))])
    assert mean("krum", rows, 3).tolist() == axes[0].tolist()
    halves = np.array([[100], [-100]] * 4, np.int16)
    assert mean("median", halves, 3).tolist() == [0]
    assert mean("median", np.vstack([halves, halves[:1], halves[:1]]), 3).tolist() == [100]
    mixed = mean("nnm+trimmed_mean", np.vstack([halves, halves[:1], halves[:1]]), 3)
    assert abs(mixed[0]) < 100


def test_centered_clipping_is_pushed_aside_of_its_reference() -> None:
    """Özfatura, Özfatura, Küpçü and Gündüz, 2022 (ROP): orthogonal, and no longer than the rest.

    Our reference is zero, so every direction is orthogonal to it; the push is f / n of a radius.
    """
    stay = cloud(7, N - F, D, center=30, spread=300).astype(float)
    radius = float(np.median(np.linalg.norm(stay, axis=1)))
    aside = np.zeros(D)
    aside[0] = radius
    pushed = mean("centered_clipping", with_bad(aside), F) - mean(
        "centered_clipping", with_bad(-aside), F
    )
    assert pushed[0] > 0.5 * F / N * radius
    # A push a hundred times as long has no more effect than that.
    far = np.zeros(D)
    far[0] = 30_000
    assert mean("centered_clipping", with_bad(far), F)[0] < 2 * radius * F / N


def test_the_geometric_median_is_pulled_by_a_cluster() -> None:
    """Far or near, f copies pull alike: it has no memory of how far they are."""
    unit = np.ones(D) / np.sqrt(D)
    near, far = (
        along(mean("geometric_median", with_bad(a_little(0) + length * unit), F), unit)
        for length in (10_000, 300_000)
    )
    assert near > 0
    assert far == pytest.approx(near, rel=0.25)


def test_foolsgold_stops_copies_and_passes_a_single_attacker_and_decorrelated_ones() -> None:
    """Fung, Yoon and Beschastnikh, RAID 2020, section 6: what it is for, and what it is not."""
    stay = cloud(3, 6, 50, spread=300)
    attack = np.full(50, -2000)
    noise = cloud(4, 4, 50, spread=6000)

    def weights(*bad: NDArray[np.int64]) -> list[float]:
        rows = np.vstack([stay, *bad]).astype(np.int16)
        found = foolsgold_weights(cosine_matrix(rows_of(updates(rows)).gram))
        return [one / 2**40 for one in found][6:]

    assert max(weights(*[attack] * 4)) == 0
    assert weights(attack)[0] > 0.9
    assert min(weights(*(attack + one for one in noise))) > 0.5


def test_flame_leaves_out_a_good_minority() -> None:
    """A site whose patients differ is dropped like an attacker (threats.md: honest outliers)."""
    majority = cloud(1, 7, 50, center=300, spread=100)
    minority = cloud(2, 4, 50, center=-300, spread=100)
    cosines = cosine_matrix(rows_of(updates(np.vstack([majority, minority]))).gram)
    assert set(admitted(cosines, tuple(bytes([index]) for index in range(11)))) <= set(range(7))
    found = mean("flame", np.vstack([majority, minority]), 4)
    assert found.mean() > 150


@pytest.mark.parametrize("rule", ["dnc", "caf"])
def test_spectral_rules_look_where_good_updates_vary_most(rule: str) -> None:
    """Good updates that differ along one axis hide bad ones along another."""
    stream = np.random.default_rng(5)
    stay = np.rint(stream.normal(0, 20, (12, 30)))
    stay[:, 0] += np.linspace(-9000, 9000, 12)
    hidden = np.zeros((4, 30))
    hidden[:, 1] = 2500
    rows = np.vstack([stay, hidden])
    assert mean(rule, rows, 4)[1] > 400
    hidden[:, 1] = 32_000
    assert mean(rule, np.vstack([stay, hidden]), 4)[1] < 1000


def test_mixing_and_trimming_bear_what_they_promise_in_all_of_these() -> None:
    """The default pipeline keeps within its bound under every attack of this file."""
    wide = good().astype(float)
    variance = ((wide - wide.mean(axis=0)) ** 2).sum(axis=1).mean()
    attacks = [a_little(z) for z in (0.3, 0.7, 1.5, 20)]
    attacks += [-0.5 * wide.mean(axis=0), -10 * wide.mean(axis=0), wide[0], wide[0] * 0 + 30_000]
    for bad in attacks:
        found = in_units(aggregate("nnm+trimmed_mean", with_bad(bad), F))
        error = ((found - wide.mean(axis=0)) ** 2).sum()
        assert error <= 1.0 * variance
