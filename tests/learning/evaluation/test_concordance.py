"""The C-index: counted pair by pair, and as lifelines counts it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.learning.evaluation import concordance as module
from collegium.learning.evaluation.concordance import concordance

ROWS = st.lists(
    st.tuples(st.integers(0, 4), st.booleans(), st.integers(0, 3), st.integers(0, 3)),
    min_size=1,
    max_size=12,
)


def once(time: np.ndarray, event: np.ndarray, score: np.ndarray) -> float:
    return float(concordance(time, event, score, np.ones((1, len(time)), np.int64))[0])


@given(rows=ROWS)
def test_it_is_the_share_of_comparable_pairs_in_order(
    rows: list[tuple[int, bool, int, int]],
) -> None:
    time, event, score, count = (np.array(each) for each in zip(*rows, strict=True))
    drawn = np.repeat(np.arange(len(rows)), count)
    won = pairs = 0.0
    for i in drawn:
        for j in drawn:
            if event[i] and (time[j] > time[i] or (time[j] == time[i] and not event[j])):
                pairs += 1
                won += (score[i] > score[j]) + 0.5 * (score[i] == score[j])
    found = float(concordance(time, event, score, count[None])[0])
    assert np.isnan(found) if pairs == 0 else found == pytest.approx(won / pairs, rel=1e-12)


def test_it_equals_lifelines() -> None:
    """Golden: lifelines 0.30.3, utils.concordance_index(time, -score, event)."""
    random = np.random.RandomState(7)
    site, x = random.randint(0, 3, 120), random.normal(size=(120, 3))
    hazard = np.exp(x @ [0.8, -0.5, 0.0] + 0.4 * site)
    until = random.exponential(size=120) / hazard
    censored = random.exponential(size=120) * 1.5
    time, event = np.round(np.minimum(until, censored), 9), until <= censored
    assert once(time, event, x[:, 0]) == pytest.approx(0.6327092511013216, rel=1e-12)
    tied, rounded = np.ceil(time * 4), np.round(x[:, 0], 1)
    assert once(tied, event, rounded) == pytest.approx(0.6621562636403318, rel=1e-12)


def test_portions_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.RandomState(3)
    time, event, score = random.randint(0, 30, 50), random.rand(50) < 0.5, random.normal(size=50)
    counts = random.randint(0, 3, (7, 50))
    whole = concordance(time, event, score, counts)
    monkeypatch.setattr(module, "CELLS", 60)
    assert concordance(time, event, score, counts).tobytes() == whole.tobytes()
