"""The operator who holds every key: it rewrites history, and everything it writes is signed.

Used by the demonstration and the tests; no study document can ask for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collegium.federation.local_updates import Assignment, UpdateAuthor
from collegium.learning.encoding import Units


@dataclass(frozen=True, slots=True)
class RewritingAuthor:
    """The author of a site whose updates the operator replaces from some round on."""

    honest: UpdateAuthor
    from_round: int

    def update(self, work: Assignment) -> Units:
        """Return an update that pushes every parameter far away, or the honest one before that."""
        if work.round < self.from_round:
            return self.honest.update(work)
        return np.full(work.start.size, 20_000, np.int16)
