"""What a site counts for a sum is bound for all attempts at it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from collegium.federation.identity import identity
from collegium.federation.outbox import Outbox
from collegium.mechanisms.sums.speaking import Counting


def test_rows_that_change_between_two_attempts_change_no_count(tmp_path: Path) -> None:
    at: Any = SimpleNamespace(study="s", number=1)
    first, second = np.array([3, 0, 1], np.uint64), np.array([4, 0, 1], np.uint64)
    ada = identity("ada", bytes(32), bytes(32))
    for counted in (first, second):
        outbox = Outbox(tmp_path / "outbox")  # the node starts again
        found = Counting(ada, outbox)._bound(at, lambda counted=counted: counted)  # type: ignore[misc]
        outbox.close()
        assert found is not None
        assert found.tolist() == [3, 0, 1]
