"""The same noise is never laid on two sets of rows: their difference would be told exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from collegium.data.table import SiteRows
from collegium.federation.identity import identity
from collegium.mechanisms.privacy.site import digest_of

ROWS = SiteRows("ada", np.ones((3, 2), np.float32), np.array([0, 1, 1]), np.arange(3))


def seed_of(rows: SiteRows) -> bytes:
    return identity("ada", bytes(32), bytes(32)).randomness("s", "evaluation", digest_of(rows))


def test_noise_is_the_same_for_the_same_rows_and_another_for_each_change_of_them() -> None:
    x = ROWS.x.copy()
    x[0, 0] = 2
    changed = (
        replace(ROWS, x=x),
        replace(ROWS, y=np.array([1, 1, 1])),
        replace(ROWS, person=np.zeros(3, np.int64)),
    )
    assert seed_of(ROWS) == seed_of(replace(ROWS, x=ROWS.x.copy()))
    assert len({seed_of(rows) for rows in (ROWS, *changed)}) == 4
