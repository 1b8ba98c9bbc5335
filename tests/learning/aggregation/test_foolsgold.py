"""FoolsGold's weights are those of the paper's algorithm, for the updates of one round."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.learning.aggregation.cases import aggregate, cloud, mean, updates

from collegium.errors import StudyError
from collegium.learning.aggregation._internal.cosines import cosine_matrix
from collegium.learning.aggregation.foolsgold import FOOLSGOLD, foolsgold_weights
from collegium.learning.aggregation.rows import rows_of


def naive(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights in floating point."""
    unit = rows / np.linalg.norm(rows, axis=1)[:, None]
    alike = unit @ unit.T
    np.fill_diagonal(alike, 0)
    nearest = alike.max(axis=1)
    for i in range(len(rows)):
        for j in range(len(rows)):
            if nearest[j] > nearest[i]:
                alike[i, j] *= nearest[i] / nearest[j]
    alone = np.clip(1 - alike.max(axis=1), 0, 1)
    alone = np.minimum(alone / alone.max(), 0.99)
    with np.errstate(divide="ignore"):
        weights: NDArray[np.float64] = np.clip(np.log(alone / (1 - alone)) + 0.5, 0, 1)
    return weights


@pytest.mark.parametrize("seed", range(8))
def test_its_weights_are_the_papers(seed: int) -> None:
    rows = cloud(seed, 9, 12, spread=500)
    rows[6] = rows[7] = rows[8] + 40
    found = foolsgold_weights(cosine_matrix(rows_of(updates(rows)).gram))
    expected = naive(rows.astype(float))
    assert [one / 2**40 for one in found] == pytest.approx(expected, abs=1e-6)
    weighted = expected @ rows / expected.sum()
    assert mean("foolsgold", rows, 0) == pytest.approx(weighted, abs=1e-2)


def test_copies_alone_move_nothing() -> None:
    assert aggregate("foolsgold", [[5, 7]] * 4, 0).total.tolist() == [0, 0]


def test_an_update_of_zeros_points_nowhere() -> None:
    assert cosine_matrix(rows_of(updates([[0, 0], [3, 4]])).gram)[0] == [0, 0]


def test_it_promises_nothing_about_a_number() -> None:
    FOOLSGOLD.check(2, 0)
    for participants, tolerate, code in ((9, 1, "rule.tolerate"), (1, 0, "rule.participants")):
        with pytest.raises(StudyError) as caught:
            FOOLSGOLD.check(participants, tolerate)
        assert caught.value.code == code
