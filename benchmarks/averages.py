"""How exact a study's averages are: ``python -m benchmarks.averages heart heart10``.

Each study is trained without its ledger, once as it is and once with steps that are told to
2^-40 and never saturate. Printed are the sites whose updates were saturated, in how many rounds,
and by how much the largest coordinate exceeded the range at worst; and how far apart the two final
models are, as a share of the largest coefficient. Only means of plain updates are compared.

`--nudged` trains once more without encoding, from a first model that is 1e-7 of its largest
coefficient aside in each coordinate: as far as two such trainings come apart, training itself is
chaotic, and no encoding short of exact numbers would help. The main metric on the test part is told
of all three.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

import numpy as np
from benchmarks.datasets import value
from numpy.typing import NDArray

from collegium.assembly.ownership import first_model
from collegium.assembly.parts import Parts
from collegium.assembly.preparation import prepare
from collegium.federation.local_updates import Assignment, Encode, HonestUpdateAuthor
from collegium.learning.algorithms.layout import model_part
from collegium.learning.blobs import LIMIT, ModelState
from collegium.simulation.ledgerless import LedgerlessRun, run_without_ledger
from collegium.study.reading import read_study

Float64 = NDArray[np.float64]

FINE = 40
"""The exponent of steps that are as good as not encoded."""

NUDGE = 1e-7
"""How far aside a nudged first model is, as a share of its largest coefficient."""


@dataclass(slots=True)
class Clipped:
    """What was cut off at the range: rounds by site, the worst excess; exponents by round."""

    rounds: Counter[str] = field(default_factory=Counter)
    worst: float = 0.0
    exponents: dict[int, int] = field(default_factory=dict)


@contextmanager
def watched(found: Clipped) -> Iterator[None]:
    """Count what saturates while studies are trained."""
    apply, update = Encode.apply, HonestUpdateAuthor.update
    at_work: list[str] = []

    def watched_update(self: HonestUpdateAuthor, work: Assignment) -> Any:
        at_work[:] = [self.member]
        return update(self, work)

    def watched_apply(self: Encode, what: Float64, at: Assignment, /) -> Any:
        peak = float(np.abs(what).max())
        found.exponents[at.round] = at.exponent
        largest = LIMIT << at.room
        if peak * 2.0**at.exponent > largest + 0.5:
            found.rounds[at_work[0]] += 1
            found.worst = max(found.worst, peak * 2.0**at.exponent / largest)
        return apply(self, what, at)

    with (
        patch.object(Encode, "apply", watched_apply),
        patch.object(HonestUpdateAuthor, "update", watched_update),
    ):
        yield


@contextmanager
def unencoded() -> Iterator[None]:
    """Train with steps in units of 2^-40 and int64, which nothing saturates."""
    ledgerless, fedavg = "collegium.simulation.ledgerless", "collegium.learning.aggregation.fedavg"

    class Fine:
        """An update that is told as it is."""

        def __init__(self, values: NDArray[np.int64]) -> None:
            self.values = self.units = values
            self.shift = self.exact = self.peak = 0
            self.told = self
            self.digest = b""

        def before(self, end: int) -> NDArray[np.int64]:
            return self.values[: self.values.size - end]

    def apply(self: Encode, what: Float64, at: Assignment, /) -> NDArray[np.int64]:
        return np.rint(what * 2.0**FINE).astype(np.int64)

    def exact(
        values: NDArray[np.int64], weights: tuple[int, ...], shifts: tuple[int, ...] = ()
    ) -> NDArray[np.int64]:
        total: NDArray[np.int64] = np.einsum("n,nd->d", np.array(weights, np.int64), values)
        return total

    with (
        patch.object(Encode, "apply", apply),
        patch(f"{fedavg}.weighted_sum", exact),
        patch(f"{ledgerless}.encode_update", lambda values, exponent: values.tobytes()),
        patch(f"{ledgerless}.shifted", lambda values: values),
        patch(f"{ledgerless}.contribution", lambda name, values: Fine(values)),
        patch(f"{ledgerless}.first_exponent", lambda *_: FINE),
        patch(f"{ledgerless}.next_exponent", lambda *_: FINE),
    ):
        yield


@contextmanager
def nudged() -> Iterator[None]:
    """Train from a first model that is a little aside in each coordinate, up or down by chance."""

    def first(parts: Parts) -> ModelState:
        model = first_model(parts)
        aside = model.parameters.copy()
        own = model_part(parts.spec, aside)
        sides = np.random.default_rng(1).choice([-NUDGE, NUDGE], own.size)
        aside[: own.size] = own + np.abs(own).max() * sides
        return replace(model, parameters=aside)

    with patch("collegium.simulation.ledgerless.first_model", first):
        yield


@dataclass(frozen=True, slots=True)
class Compared:
    """How exact a study's averages are: what was cut off, and how far apart the models are.

    Distances are shares of the largest coefficient.

    Attributes:
        clipped: what was cut off.
        apart: the distance from unencoded training.
        chaos: that of unencoded training from a nudged start; None if nobody asked.
        qualities: the main metric on the test part, of the study as it is, of unencoded training,
            and of a nudged start where asked for.
    """

    clipped: Clipped
    apart: float
    chaos: float | None
    qualities: tuple[float, ...]


def compared(name: str, changes: Sequence[str], *, nudge: bool = False) -> Compared:
    """Return how exact a study's averages are."""
    found, prepared = Clipped(), prepare(read_study(name, list(changes)))
    with watched(found):
        ours = run_without_ledger(prepared)
    with unencoded():
        theirs = run_without_ledger(prepared)
    models, chaos = [ours, theirs], None
    if nudge:
        with unencoded(), nudged():
            models.append(run_without_ledger(prepared))
        chaos = distance(models[-1], theirs)
    tested = list(prepared.test.values())
    qualities = tuple(value(prepared, one.model.parameters, tested) for one in models)
    return Compared(found, distance(ours, theirs), chaos, qualities)


def distance(one: LedgerlessRun, other: LedgerlessRun) -> float:
    """Return the largest difference of two coefficients, as a share of the largest of `other`."""
    return float(np.abs(one.parameters - other.parameters).max() / np.abs(other.parameters).max())


def main() -> None:
    """Print the comparison for each study named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("studies", nargs="+")
    parser.add_argument("--nudged", action="store_true", help="train from a nudged start, too")
    parser.add_argument("--set", action="append", default=[], help="a change, as `run --set`")
    asked = parser.parse_args()
    for name in asked.studies:
        found = compared(name, asked.set, nudge=asked.nudged)
        rounds = [f"{site} in {count}" for site, count in found.clipped.rounds.most_common()]
        print(
            f"{name}: cut off {', '.join(rounds) or 'nothing'}; at worst {found.clipped.worst:.3g}"
            f" of the range; {found.apart:.4%} apart"
            + ("" if found.chaos is None else f", {found.chaos:.4%} from a nudged start")
            + "; quality "
            + ", ".join(f"{one:.4f}" for one in found.qualities),
            flush=True,
        )


if __name__ == "__main__":
    main()
