"""What is said of whether training came to rest; `measuring.convergence` finds it out."""

from __future__ import annotations

from collegium.report.measurements import Convergence


def unsettled(found: Convergence | None) -> str:
    """Return what is to be said of training that did not come to rest, with what to try.

    Nothing is where it did, or where that is not known.
    """
    if found is None:
        return ""
    match found.verdict:
        case "diverged":
            return (
                f"Training diverged: the loss on the training rows went from {found.first:.3g} to"
                f" {found.last:.3g}. Its probabilities cannot be used. Try a tenth of"
                " training.learning_rate."
            )
        case "unstable":
            return (
                f"Training did not settle: the loss on the training rows ends at {found.last:.3g},"
                " clearly above its best round. Try a third of training.learning_rate."
            )
        case "still_falling":
            return (
                "Training has not converged: the last tenth of the rounds still brought"
                f" {100 * (found.gained or 0):.2g} % of all that the loss fell. Try twice the"
                " training.rounds, or a higher training.learning_rate."
            )
        case "converged":
            return ""
