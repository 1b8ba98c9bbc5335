"""No withheld cell of a sum follows from what is told: integer programs look for each.

What an attacker knows is written down anew here, from docs/spec page 19 and not from the code:
every number that is told is an equation over cells (class, tenth of the scores, call), the
registered threshold says which calls a tenth can have, and sums of reals bound how many rows lie
where.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise, product

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from collegium.learning.evaluation.cell_suppression import SMALLEST_CELL, leaves_calls_open
from collegium.learning.evaluation.counts import UNIT, parts
from collegium.learning.evaluation.summed import EvaluationSum, SumLayout, summed
from collegium.learning.evaluation.tally import tally

MODEL = "jDgi_g8veunMD8Bo73KJSBFZWO8SZT4kTwS05h-rEEY"
Rows = tuple[NDArray[np.int64], NDArray[np.float64]]


@dataclass(frozen=True)
class Cell:
    """Rows of a class whose scores lie from `low` to `high`: in one tenth, called alike."""

    label: int
    tenth: int
    called: int
    low: float
    high: float

    def costs(self) -> Iterator[tuple[float, float]]:
        """Least and most of a row's score, squared error and log loss, in units, rounded."""
        far = [abs(one - self.label) for one in (self.low, self.high)]
        yield self.low, self.high
        yield min(far) ** 2, max(far) ** 2
        near, away = sorted(far)
        yield -np.log(max(1 - near, 2.0**-52)), -np.log(max(1 - away, 2.0**-52))


def cells_at(threshold: float) -> list[Cell]:
    """All cells, those of the threshold's tenth cut in two."""
    found = []
    for label in (0, 1):
        for tenth in range(10):
            marks = sorted({tenth / 10, (tenth + 1) / 10, threshold})
            marks = [one for one in marks if tenth / 10 <= one <= (tenth + 1) / 10]
            for low, high in pairwise(marks):
                found.append(Cell(label, tenth, int(low >= threshold), low, high))
    return found


@dataclass
class System:
    """What is known of cells x and of three sums of reals a cell, as rows of a program."""

    cells: list[Cell]
    rows: list[tuple[dict[int, float], float, float]] = field(default_factory=list)

    def knows(self, which: list[int], total: float, kind: int = 0, slack: float = 0.0) -> None:
        """Add that rows (kind 0), or a sum of reals, of some cells add up to a total."""
        at = {kind * len(self.cells) + one: 1.0 for one in which}
        self.rows.append((at, total - slack, total + slack))

    def range_of(self, which: list[int]) -> tuple[int, int]:
        """Least and most rows of some cells that everything allows."""
        size = len(self.cells)
        rows = list(self.rows)
        for place, cell in enumerate(self.cells):
            for kind, (low, high) in enumerate(cell.costs(), 1):
                real = kind * size + place
                rows.append(({real: 1.0, place: -(low - 1 / UNIT)}, 0.0, np.inf))
                rows.append(({real: 1.0, place: -(high + 1 / UNIT)}, -np.inf, 0.0))
        entries = [(n, at, a) for n, (one, _, _) in enumerate(rows) for at, a in one.items()]
        numbers, places, values = zip(*entries, strict=True)
        matrix = coo_array((values, (numbers, places)), shape=(len(rows), 4 * size)).tocsr()
        known = LinearConstraint(matrix, [one[1] for one in rows], [one[2] for one in rows])
        wanted = np.zeros(4 * size)
        wanted[which] = 1.0
        ends = []
        for sign in (1, -1):
            found = milp(
                sign * wanted, constraints=known, bounds=Bounds(0, np.inf),
                integrality=np.repeat([1, 0, 0, 0], size), options={"mip_rel_gap": 0.0},
            )  # fmt: skip
            assert found.success, found.message
            ends.append(round(sign * found.fun))
        return ends[0], ends[1]


def known_of(told: EvaluationSum, threshold: float) -> System:
    """Everything that a reader of the ledger knows of the cells of a sum."""
    system = System(cells_at(threshold))
    cells = list(enumerate(system.cells))
    everything = [at for at, _ in cells]
    slack = told.rows / UNIT
    system.knows(everything, told.rows)
    if isinstance(told.classes, tuple):
        for label, rows in enumerate(told.classes):
            system.knows([at for at, one in cells if one.label == label], rows)
    if isinstance(told.correct, int):
        system.knows([at for at, one in cells if one.label == one.called], told.correct)
    if isinstance(told.calls, tuple):
        for number, rows in enumerate(told.calls):
            where = divmod(number, 2)
            system.knows([at for at, one in cells if (one.label, one.called) == where], rows)
    begin = 0
    for one in told.table:
        inside = [at for at, cell in cells if begin <= cell.tenth < one.end]
        system.knows(inside, one.rows)
        system.knows([at for at in inside if system.cells[at].label], one.hits)
        if isinstance(one.scores, int):
            system.knows(inside, one.scores / UNIT, 1, slack)
        begin = one.end
    for kind, total in ((2, told.brier), (3, told.log_loss)):
        if isinstance(total, int):
            system.knows(everything, total / UNIT, kind, slack)
    return system


def withheld_of(told: EvaluationSum, cells: list[Cell]) -> Iterator[tuple[str, list[int]]]:
    """The registered counts that are not told: classes, calls, right and wrong ones, tenths."""
    at = list(enumerate(cells))
    if told.classes is msgspec.UNSET:
        yield "class", [place for place, one in at if one.label]
    if told.correct is msgspec.UNSET:
        yield "correct", [place for place, one in at if one.label == one.called]
    if told.calls is msgspec.UNSET:
        for label in (0, 1):
            for called in (0, 1):
                which = [p for p, one in at if (one.label, one.called) == (label, called)]
                yield f"call {label}{called}", which
    ends = [0, *(one.end for one in told.table)]
    alone = {end for begin, end in pairwise(ends) if end - begin == 1}
    for tenth in range(10):
        for label in (0, 1):
            if tenth + 1 not in alone:
                which = [p for p, one in at if (one.label, one.tenth) == (label, tenth)]
                yield f"tenth {tenth} of {label}", which


def random_case(seed: int) -> tuple[list[Rows], float]:
    """Test parts of sites, small ones among them, and a threshold."""
    draws = np.random.default_rng(seed)
    threshold = float(draws.choice([0.5, 0.3, 0.37, 0.05, 0.8]))
    separation, base, spread = draws.uniform(0.5, 6), draws.normal(-0.5, 1.2), draws.uniform(0.4, 3)
    sites = []
    for size in draws.choice([2, 7, 16, 45, 104, 300], draws.integers(3, 8)):
        y = (draws.random(size) < 1 / (1 + np.exp(-base))).astype(np.int64)
        logit = draws.normal(separation * (y - 0.5), 1) * spread + base
        sites.append((y, 1 / (1 + np.exp(-logit))))
    return sites, threshold


def told_of(sites: list[Rows], threshold: float, layout: SumLayout) -> EvaluationSum:
    """What is told of the sum over sites."""
    counts = sum((tally(y, scores[:, None], threshold) for y, scores in sites), 0)
    return summed(np.asarray(counts), len(sites), MODEL, layout)


def narrow(told: EvaluationSum, threshold: float, tenths: bool = True) -> list[str]:
    """Withheld counts of which fewer than eleven values are possible."""
    system = known_of(told, threshold)
    found = []
    for name, which in withheld_of(told, system.cells):
        if tenths or not name.startswith("tenth"):
            low, high = system.range_of(which)
            if high - low < SMALLEST_CELL:
                found.append(f"{name}: {low} to {high}")
    return found


def no_site_follows(told: EvaluationSum, rows: list[int]) -> bool:
    """Whether a site's part of a class may have as many values as its rows, and others', allow."""
    if not isinstance(told.classes, tuple):
        return True
    positive, others = told.classes[1], [told.rows - one for one in rows]
    widths = [
        min(positive, own) - max(0, positive - other)
        for own, other in zip(rows, others, strict=True)
    ]
    least = [min(SMALLEST_CELL, *both) for both in zip(rows, others, strict=True)]
    return all(width >= one for width, one in zip(widths, least, strict=True))


def check(seeds: range) -> None:
    """Look for what follows from the rest in random sums."""
    seen: dict[str, int] = {}
    for seed in seeds:
        sites, threshold = random_case(seed)
        told = told_of(sites, threshold, "binary@2")
        seen[told.withheld] = seen.get(told.withheld, 0) + 1
        if told.withheld == "all":
            continue
        assert narrow(told, threshold) == [], seed
        assert no_site_follows(told, [len(y) for y, _ in sites])
        cells = [*(told.classes or ()), *(told.calls or ())]
        cells += [one.hits for one in told.table] + [one.rows - one.hits for one in told.table]
        assert min(cells, default=SMALLEST_CELL) >= SMALLEST_CELL
    assert {"nothing", "calls", "by-class"} <= set(seen), seen


def test_nothing_withheld_is_narrowed_below_ten_in_random_sums() -> None:
    check(range(25))


@pytest.mark.long
def test_nothing_withheld_is_narrowed_below_ten_in_a_thousand_random_sums() -> None:
    check(range(25, 1025))


def test_the_first_layout_gives_withheld_calls_away() -> None:
    """What is looked for is found where it is: a check that cannot fail proves nothing."""
    broken = 0
    for seed in range(60):
        sites, threshold = random_case(seed)
        told = told_of(sites, threshold, "binary@1")
        if told.withheld == "calls":
            broken += bool(narrow(told, threshold, tenths=False))
    assert broken >= 10


def test_a_threshold_at_the_end_of_a_bin_cuts_no_small_cell_off() -> None:
    """Rows of a bin above the threshold are those called positive: 3 of 50 are withheld."""
    y = np.repeat([0, 1, 0, 1], [60, 47, 60, 3])
    scores = np.repeat([0.1, 0.7, 0.65, 0.2], [60, 47, 60, 3])
    told = told_of([(y, scores)], 0.6, "binary@2")
    assert told.withheld == "calls"
    assert (told.table, told.brier) == ((), msgspec.UNSET)


def test_of_what_the_ranking_leaves_open_eleven_values_fit() -> None:
    """Nothing is lost, so either all wrong calls are misses or all are false alarms."""
    y = np.repeat([0, 1], [100, 12])
    scores = np.linspace(0.01, 0.99, 112)
    told = told_of([(y, scores)], 0.75, "binary@2")
    assert (told.won, told.withheld) == (told.pairs, "calls")
    assert told.correct is msgspec.UNSET


def test_correct_rows_leave_eleven_numbers_of_misses_beside_the_ranking() -> None:
    seen = 0
    for seed in range(200):
        sites, threshold = random_case(seed)
        told = told_of(sites, threshold, "binary@2")
        if not (told.withheld == "calls" and isinstance(told.correct, int)):
            continue
        assert isinstance(told.classes, tuple)
        assert isinstance(told.won, str)
        assert isinstance(told.pairs, str)
        (negative, positive), wrong = told.classes, told.rows - told.correct
        lost, won = int(told.pairs) - int(told.won), int(told.won)
        fits = [
            missed
            for missed in range(positive + 1)
            if 0 <= wrong - missed <= negative
            and 2 * missed * (wrong - missed) <= lost
            and 2 * (positive - missed) * (negative - (wrong - missed)) <= won
        ]
        counts = sum((tally(y, scores[:, None], threshold) for y, scores in sites), 0)
        assert int(parts(np.asarray(counts))[1][1, 0]) in fits
        assert len(fits) > SMALLEST_CELL
        seen += 1
    assert seen >= 20


def test_a_model_with_one_score_for_all_does_not_tell_how_they_are_called() -> None:
    """If it were told that all pairs tie, 60 right rows would be the negative ones."""
    told = told_of([(np.repeat([0, 1], [60, 30]), np.full(90, 0.4))], 0.5, "binary@2")
    assert (told.classes, told.withheld) == ((60, 30), "calls")
    assert (told.correct, told.tied) == (60, msgspec.UNSET)


def test_ties_of_a_model_with_two_scores_do_not_tell_where_rows_lie() -> None:
    y, scores = np.repeat([0, 1, 0, 1], [60, 40, 20, 90]), np.repeat([0.25, 0.75], [100, 110])
    told = told_of([(y, scores)], 0.5, "binary@2")
    assert (told.withheld, told.tied) == ("nothing", msgspec.UNSET)
    assert told.won is not msgspec.UNSET


def ranked(positive: int, negative: int) -> list[list[int]]:
    """Which `won` some order of p positive and n negative rows gives, as bits, ties included."""
    reach = [[0] * (negative + 1) for _ in range(positive + 1)]
    reach[0][0] = 1
    for p, n in product(range(positive + 1), range(negative + 1)):
        for more, less in product(range(p + 1), range(n + 1)):
            if more or less:
                won = 2 * more * (n - less) + more * less
                reach[p][n] |= reach[p - more][n - less] << won
    return reach


def test_every_order_of_rows_that_is_possible_leaves_ten_numbers_of_misses() -> None:
    """All orders of 36 rows are counted, with ties, and by somebody who knows the rules."""
    positive, negative = 12, 24
    reach, pairs = ranked(positive, negative), 2 * positive * negative

    def possible(missed: int, alarms: int, won: int) -> bool:
        rejected, hits = negative - alarms, positive - missed
        rest = won - 2 * hits * rejected
        low, high = reach[missed][rejected], reach[hits][alarms]
        return any(low >> one & 1 and high >> rest - one & 1 for one in range(rest + 1))

    def told_correct(missed: int, alarms: int, won: int) -> int | None:
        calls = np.array([[negative - alarms, alarms], [missed, positive - missed]])
        told = leaves_calls_open(calls, won, pairs)
        return int(calls.trace()) if told else None

    draws, seen = np.random.default_rng(0), {True: 0, False: 0}
    for _ in range(400):
        scores = draws.choice(draws.random(draws.choice([1, 2, 3, 10, 40])), positive + negative)
        y = draws.permutation(np.repeat([0, 1], [negative, positive]))
        told = told_of([(y, scores)], 0.5, "binary@2")
        assert (told.withheld, told.tied) == ("calls", msgspec.UNSET)
        assert isinstance(told.won, str)
        won, correct = int(told.won), told.correct or None
        fits = {
            (missed, alarms)
            for missed, alarms in product(range(positive + 1), range(negative + 1))
            if told_correct(missed, alarms, won) == correct and possible(missed, alarms, won)
        }
        called = scores >= 0.5
        assert (int(sum(~called & (y == 1))), int(sum(called & (y == 0)))) in fits
        assert len({missed for missed, _ in fits}) >= SMALLEST_CELL
        assert len({alarms for _, alarms in fits}) >= SMALLEST_CELL
        seen[correct is None] += 1
    assert min(seen.values()) >= 20
