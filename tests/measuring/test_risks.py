"""What risks are worth over all sites: the same as of all rows put together."""

from __future__ import annotations

import numpy as np
import pytest

from collegium.measuring.risks import risks_of

RNG = np.random.default_rng(9)
POSITIVE = [RNG.random(rows) < 0.4 for rows in (120, 80, 30)]
SCORE = [np.clip(0.3 * own + 0.6 * RNG.random(len(own)), 0, 1) for own in POSITIVE]


def test_sites_add_up_to_all_rows() -> None:
    apart = risks_of(POSITIVE, SCORE)
    assert apart == risks_of([np.concatenate(POSITIVE)], [np.concatenate(SCORE)])
    metrics = pytest.importorskip("sklearn.metrics")
    exact = metrics.roc_auc_score(np.concatenate(POSITIVE), np.concatenate(SCORE))
    assert apart.binned_auc == pytest.approx(exact, abs=0.002)


def test_a_decision_curve_holds_every_percent() -> None:
    found = risks_of(POSITIVE, SCORE)
    assert [one.threshold for one in found.benefit] == [n / 100 for n in range(1, 100)]


def test_one_class_has_neither_slope_nor_auc() -> None:
    found = risks_of([np.ones(20, np.bool_)], [np.linspace(0, 1, 20)])
    assert (found.slope, found.intercept, found.binned_auc) == (None, None, None)
