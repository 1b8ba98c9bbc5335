"""A whole site's update: clipped in integers, with noise that adds up."""

from __future__ import annotations

import numpy as np
import pytest

from collegium.accounting.adaptive import bound_at, indicator_at
from collegium.learning.client_level_privacy import clipped, noised, told
from collegium.learning.noise import SecretStream
from collegium.learning.skellam import skellam


@pytest.mark.parametrize("variance", [0.3, 4.0, 1e3, 4e6])
def test_noise_has_mean_variance_and_shape_of_skellam(variance: float) -> None:
    drawn = skellam(SecretStream(b"s" * 32), variance, 200_000)
    assert drawn.mean() == pytest.approx(0.0, abs=5 * np.sqrt(variance / 200_000))
    assert drawn.var() == pytest.approx(variance, rel=0.02)
    fourth = (drawn.astype(float) ** 4).mean()
    assert fourth == pytest.approx(3 * variance**2 + variance, rel=0.08)


def test_parts_of_noise_add_up_to_the_whole() -> None:
    parts = [skellam(SecretStream(bytes([k]) * 32), 250.0, 100_000) for k in range(4)]
    assert sum(parts).var() == pytest.approx(1000.0, rel=0.02)  # type: ignore[union-attr]
    assert abs(np.corrcoef(parts[0], parts[1])[0, 1]) < 0.02


def test_an_update_is_never_longer_than_the_bound() -> None:
    rng = np.random.default_rng(3)
    for size in (1, 14, 5000):
        for scale in (1, 300, 20_000):
            values = np.clip(rng.normal(0, scale, size), -32767, 32767).astype(np.int16)
            for bound in (64, 500, 40_000):
                found = clipped(values, bound).astype(np.int64)
                assert int((found**2).sum()) <= bound * bound
                if int((values.astype(np.int64) ** 2).sum()) <= bound * bound:
                    assert (found == values).all()
                else:
                    assert (found**2).sum() >= 0.9 * bound * bound - 2 * bound * np.sqrt(size)


def test_noise_is_drawn_from_the_seed_and_keeps_to_the_range() -> None:
    values = np.full(50, 14, np.int16)
    one = noised(values, 400.0, SecretStream(b"a" * 32))
    assert (one == noised(values, 400.0, SecretStream(b"a" * 32))).all()
    assert (one != noised(values, 400.0, SecretStream(b"b" * 32))).any()
    loud = noised(values, 4e9, SecretStream(b"a" * 32))
    assert np.abs(loud.astype(int)).max() <= 32767


@pytest.mark.parametrize("k", [0, 5, -3])
def test_an_update_tells_whether_it_is_within_a_clip_that_follows(k: int) -> None:
    """Beside the clipped update, a third of the clip: no longer than the root of 10 / 9."""
    bound = bound_at(k, 9)
    for length, sign in ((bound - 1, 1), (bound, 1), (bound + 1, -1), (20 * bound, -1)):
        values = np.array([length, 0, 0, 32767], np.int16)
        found = told(values, bound).astype(np.int64)
        assert found[-1] == sign * indicator_at(bound)
        assert (found[:-1] == clipped(values[:-1], bound)).all()
        assert 9 * int((found**2).sum()) <= 10 * bound * bound
