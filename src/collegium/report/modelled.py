"""What a simulated network's run says of time and energy: modelled, and by which assumptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from collegium.consensus.network import PRESETS
from collegium.devices.links import GRID, GRID_SOURCE, LINKS
from collegium.devices.machines import MACHINES
from collegium.ledger.engines.simnet.figures import ConsensusFigures
from collegium.ledger.engines.simnet.settings import assumed
from collegium.ledger.engines.simnet.virtual_time import PARTS
from collegium.report.measurements import FinalLine, RoundLine
from collegium.report.process import Curve
from collegium.study.document import Study

HALF, DOUBLE = 0.5, 2.0


@dataclass(frozen=True, slots=True)
class Spending:
    """A measure against what was spent by then: (spent, with assumptions halved, doubled, value).

    `unit` is what is spent, in words.
    """

    unit: str
    points: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True, slots=True)
class Modelled:
    """Time and energy of a study on a simulated network.

    Attributes:
        figures: of the whole run.
        measure: what is drawn, "" where nothing was measured.
        spendings: against seconds, and against joules beyond waiting.
        parts: seconds and joules of the closed rounds, by what they went to.
        assumptions: what was assumed, each with its source.
    """

    figures: ConsensusFigures
    measure: str
    spendings: tuple[Spending, ...]
    parts: tuple[tuple[str, float, float], ...]
    assumptions: tuple[tuple[str, str], ...]


def modelled_of(
    study: Study, rounds: Sequence[RoundLine], measure: str, curve: Curve | None,
    final: FinalLine | None,
) -> Modelled | None:  # fmt: skip
    """Return what was modelled; None where no network was simulated.

    Args:
        study: the document.
        rounds: all closed rounds, in order.
        measure: what the curve is of.
        curve: a measure on training rows after rounds, which are numbered like `rounds`.
        final: the end of the run, which has its figures.
    """
    if final is None or final.consensus is None:
        return None
    seconds, joules = (
        _spent(unit, [getattr(one, name) or {} for one in rounds], rounds, curve)
        for unit, name in (("Virtual seconds", "virtual"), ("Joules beyond waiting", "joules"))
    )
    parts = tuple((name, *_sums(rounds, name)) for name in PARTS)
    drawn = (seconds, joules) if seconds.points else ()
    return Modelled(final.consensus, measure, drawn, parts, _assumptions(study))


def _spent(
    unit: str, told: Sequence[Mapping[str, float]], rounds: Sequence[RoundLine],
    curve: Curve | None,
) -> Spending:  # fmt: skip
    """Return a curve against what was spent; nobody's assumption makes waiting shorter."""
    totals = list(accumulate(sum(one.values()) for one in told))
    waited = list(accumulate(one.get("waiting", 0.0) for one in told))
    if unit != "Virtual seconds":
        waited = [0.0] * len(totals)
    values = {} if curve is None else dict(curve.points)
    return Spending(
        unit,
        tuple(
            (
                total, still + HALF * (total - still), still + DOUBLE * (total - still),
                values[line.round],
            )
            for line, total, still in zip(rounds, totals, waited, strict=True)
            if line.round in values
        ),
    )  # fmt: skip


def _sums(rounds: Sequence[RoundLine], part: str) -> tuple[float, float]:
    return (
        sum((one.virtual or {}).get(part, 0.0) for one in rounds),
        sum((one.joules or {}).get(part, 0.0) for one in rounds),
    )


def _assumptions(study: Study) -> tuple[tuple[str, str], ...]:
    machines, link, preset, grid = assumed(study)
    told = [(f"machine {name}", MACHINES[name].source) for name in machines]
    own = study.network is not None and (study.network.latency or study.network.bandwidth)
    network = "latency or bandwidth are the study's own; else " if own else ""
    return (
        *told,
        (f"joules of a byte: {link}", LINKS[link].source),
        (f"network {preset}", network + PRESETS[preset].source),
        (f"{grid:g} g of CO2 equivalents a kWh", GRID_SOURCE if grid == GRID else "the study's"),
    )
