"""How much more `rdp@1` charges than Google's dp-accounting: ``python -m benchmarks.accountants``.

Needs dp-accounting (the extra `privacy`). Both add up Rényi divergences of sampled Gaussian noise;
ours has fewer orders, and chords between whole ones (docs/decisions/0055, 0157). Printed are the
settings in which ours is the most above theirs, by ranges of our epsilon. Where theirs is 0, it
says only that delta alone bears the release; such settings are counted and not compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import product
from typing import Any, NamedTuple

from collegium.accounting.conversion import charge_of, conversion, micro_epsilon
from collegium.accounting.gaussian import gaussian_rdp

RATES = ("0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1")
MULTIPLIERS = ("0.4", "0.5", "0.6", "0.8", "1", "1.5", "2", "4", "8", "20")
STEPS = (1, 10, 30, 100, 300, 1000, 10_000)
DELTAS = ("1e-4", "1e-5", "1e-6", "1e-8")
RANGES = ((0.0, 0.1), (0.1, 1.0), (1.0, 8.0), (8.0, 20.0), (20.0, float("inf")))


class Setting(NamedTuple):
    """What both were asked, and both epsilons."""

    rate: str
    multiplier: str
    steps: int
    delta: str
    ours: float
    theirs: float


def settings() -> Iterator[Setting]:
    """Yield every setting of the grid with both epsilons."""
    import dp_accounting  # type: ignore[import-not-found]
    from dp_accounting import rdp

    for rate, multiplier in product(RATES, MULTIPLIERS):
        divergences = gaussian_rdp(Decimal(multiplier), Decimal(rate))
        event: Any = dp_accounting.GaussianDpEvent(float(multiplier))
        if rate != "1":
            event = dp_accounting.PoissonSampledDpEvent(float(rate), event)
        for steps in STEPS:
            accountant = rdp.RdpAccountant()
            accountant.compose(event, steps)
            charge = charge_of(divergences, steps)
            for delta in DELTAS:
                ours = micro_epsilon(charge, conversion(Decimal(delta))) / 1e6
                theirs = float(accountant.get_epsilon(float(delta)))
                yield Setting(rate, multiplier, steps, delta, ours, theirs)


def main() -> None:
    """Print the worst settings by range, as a table."""
    found = list(settings())
    print("| our epsilon | settings | more than 2.7 % above | most above | there |")
    print("|---|---|---|---|---|")
    for low, high in RANGES:
        within = [one for one in found if low <= one.ours < high and one.theirs > 0]
        if not within:
            continue
        worst = max(within, key=lambda one: one.ours / one.theirs)
        above = sum(one.ours > 1.027 * one.theirs for one in within)
        most = f"{100 * (worst.ours / worst.theirs - 1):.0f} %"
        print(
            f"| from {low:g} to {high:g} "
            f"| {len(within)} | {above} | {most} "
            f"| q {worst.rate}, z {worst.multiplier}, {worst.steps} steps, delta {worst.delta}: "
            f"{worst.ours:.3g} for {worst.theirs:.3g} |"
        )
    print(f"\n{sum(one.theirs <= 0 for one in found)} settings in which theirs is 0")


if __name__ == "__main__":
    main()
