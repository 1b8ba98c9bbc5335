"""Whether training has come to rest, by the loss on all training rows, round by round.

Four verdicts, the first that fits: `diverged` (the last loss is not a number, or higher than that
of the model with which training began), `unstable` (more than a twentieth of what was gained by the
best round is lost again), `still_falling` (the last tenth of the rounds brought more than a
hundredth of all that was gained), `converged`. Rounds are smoothed by the mean of such a tenth,
since mini-batches and noise make single ones jump.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from collegium.report.measurements import Convergence

LOST_AGAIN = 0.05
STILL_GAINED = 0.01


def convergence_of(first: float, losses: Mapping[int, float]) -> Convergence | None:
    """Return whether training came to rest.

    Args:
        first: loss of the model with which training began.
        losses: loss of the models of closed rounds, by round, as far as they were measured.

    Returns:
        the verdict; None where fewer than two rounds were measured.
    """
    if len(losses) < 2 or not np.isfinite(first):
        return None
    rounds = sorted(losses)
    curve = np.array([losses[number] for number in rounds])
    last = float(curve[-1])
    if not np.isfinite(curve).all() or last > first:
        return Convergence(verdict="diverged", first=first, last=last, gained=None)
    width = max(1, len(curve) // 10)
    smooth = np.convolve(curve, np.ones(width) / width, mode="valid")
    end, least = float(smooth[-1]), float(smooth.min())
    gained = first - least
    if gained <= 0 or end - least > LOST_AGAIN * gained:
        return Convergence(verdict="unstable", first=first, last=last, gained=None)
    before = float(smooth[-1 - width]) if len(smooth) > width else first
    share = max(0.0, (before - end) / gained)
    return Convergence(
        verdict="still_falling" if share > STILL_GAINED else "converged",
        first=first, last=last, gained=share,
    )  # fmt: skip
