"""Net benefit: by its definition, and between acting on everybody and on nobody."""

from __future__ import annotations

import numpy as np
import pytest

from collegium.learning.evaluation.decision import THRESHOLDS, act_on_all, net_benefit

RNG = np.random.default_rng(2)
POSITIVE = RNG.random(500) < 0.3
SCORE = np.clip(0.3 * POSITIVE + RNG.random(500) * 0.7, 0, 1).round(2)


def test_it_is_what_vickers_and_elkin_define() -> None:
    found = net_benefit(POSITIVE, SCORE, THRESHOLDS)
    for place, threshold in enumerate(THRESHOLDS):
        true = sum(s >= threshold and p for s, p in zip(SCORE, POSITIVE, strict=True))
        false = sum(s >= threshold and not p for s, p in zip(SCORE, POSITIVE, strict=True))
        expected = true / 500 - false / 500 * threshold / (1 - threshold)
        assert found[place] == pytest.approx(expected, abs=1e-12)


def test_below_every_score_it_acts_on_all_and_above_on_none() -> None:
    low, high = np.array([0.001]), np.array([0.9999])
    assert net_benefit(POSITIVE, SCORE + 0.002, low) == pytest.approx(act_on_all(POSITIVE, low))
    assert net_benefit(POSITIVE, SCORE * 0.9, high)[0] == 0


def test_a_perfect_model_has_the_share_of_events_everywhere() -> None:
    found = net_benefit(POSITIVE, POSITIVE.astype(float), THRESHOLDS)
    assert found == pytest.approx(np.full(99, POSITIVE.mean()))
    assert act_on_all(POSITIVE, np.array([POSITIVE.mean()]))[0] == pytest.approx(0)
