"""An AUC from counts: that of the binned scores, exactly, and near that of the scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.learning.evaluation.binned_ranking import (
    BINS,
    auc_of_counts,
    histogram,
    tied_share,
)

metrics = pytest.importorskip("sklearn.metrics")


@given(st.integers(0, 2**32 - 1), st.integers(2, 300), st.sampled_from([2, 10, 64, BINS]))
def test_it_is_the_auc_of_the_binned_scores(seed: int, rows: int, bins: int) -> None:
    rng = np.random.default_rng(seed)
    positive = rng.random(rows) < 0.5
    positive[:2] = True, False
    score = rng.random(rows)
    found = auc_of_counts(histogram(positive, score, bins))
    expected = metrics.roc_auc_score(positive, np.minimum(np.floor(score * bins), bins - 1))
    assert found == pytest.approx(expected, abs=1e-12)


@given(st.integers(0, 2**32 - 1))
def test_sums_over_sites_are_the_counts_of_all_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    positive, score, site = rng.random(200) < 0.3, rng.random(200), rng.integers(0, 4, 200)
    parts = [histogram(positive[site == one], score[site == one]) for one in range(4)]
    assert np.array_equal(np.sum(parts, axis=0), histogram(positive, score))


def test_it_is_as_near_to_the_scores_own_as_pairs_within_bins_allow() -> None:
    rng = np.random.default_rng(1)
    positive = rng.random(3000) < 0.3
    score = np.clip(0.4 + 0.15 * positive + rng.normal(0, 0.15, 3000), 0, 1)
    counts = histogram(positive, score)
    found, exact = auc_of_counts(counts), metrics.roc_auc_score(positive, score)
    assert found is not None
    assert abs(found - exact) <= tied_share(counts) / 2 <= 0.002


def test_the_ends_have_a_bin_and_one_class_has_no_auc() -> None:
    counts = histogram(np.array([False, True]), np.array([0.0, 1.0]))
    assert counts[0, 0] == counts[1, -1] == 1
    assert auc_of_counts(counts) == 1.0
    assert auc_of_counts(histogram(np.array([True]), np.array([0.5]))) is None
