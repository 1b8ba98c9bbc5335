"""What a sum over sites says of a model: one canonical form, without cells of few rows.

The AUC is a fraction of whole numbers, the same on every machine. Withheld are, of the sum: all
but the number of rows where there are fewer than `SMALLEST_CELL`; everything by class where a class
has fewer; where one of the four calls is smaller, all but classes, ranking and correct rows.
`cell_suppression` says why, and what else is withheld. Ledgers of `binary@1` tell more: there
withheld calls often follow. docs/spec/19-summed-statistics.md.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import numpy as np

from collegium import canonical
from collegium.canonical import LARGEST_INTEGER, from_text, malformed
from collegium.learning.evaluation.binned_ranking import auc_pairs, tied_pairs
from collegium.learning.evaluation.cell_suppression import (
    MOST_TIED,
    SMALLEST_CELL,
    joined_bins,
    leaves_calls_open,
)
from collegium.learning.evaluation.counts import TABLE_BINS, UNIT, Counts, parts

SumLayout = Literal["binary@1", "binary@2"]
"""What is counted of test rows and told of their sum."""

WHAT = "a sum of statistics"

Nothing = msgspec.UnsetType


class MergedBin(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rows with scores up to a bin's end, in tenths: how many, positive ones, the sum of scores.

    That sum is absent where it would tell that hardly a row lies in a part of the bin.
    """

    end: int
    hits: int
    rows: int
    scores: int | Nothing = msgspec.UNSET


class EvaluationSum(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is told of the test rows of all sites in a sum; nothing of any one of them.

    `pairs` are twice the pairs of a negative and a positive row, `won` what a model that ranks by
    score wins of them, a tie counting half, in decimal; `tied` the pairs that meet in a bin, where
    that tells of nothing else.
    `calls` are negative rows called so and not so, then positive ones. `brier` and `log_loss` are
    sums over rows, in units of 2^-20 as the sums of scores. `model` is the SHA-256 of its blob.
    """

    brier: int | Nothing = msgspec.UNSET
    calls: tuple[int, int, int, int] | Nothing = msgspec.UNSET
    classes: tuple[int, int] | Nothing = msgspec.UNSET
    correct: int | Nothing = msgspec.UNSET
    layout: SumLayout
    log_loss: int | Nothing = msgspec.UNSET
    model: str
    pairs: str | Nothing = msgspec.UNSET
    rows: int
    sites: int
    table: tuple[MergedBin, ...] = ()
    tied: str | Nothing = msgspec.UNSET
    version: Literal[1] = 1
    withheld: Literal["nothing", "calls", "by-class", "all"]
    won: str | Nothing = msgspec.UNSET


_DECODER = msgspec.json.Decoder(EvaluationSum)


def summed(counts: Counts, sites: int, model: str, layout: SumLayout) -> EvaluationSum:
    """Return what is told of a sum.

    Args:
        counts: int64 [LENGTH], over sites; it agrees with itself.
        sites: how many are in it.
        model: digest of the model, as the ledger writes it.
        layout: as registered.
    """
    rows = int(parts(counts)[1].sum())
    told: dict[str, Any] = {"withheld": "all"}
    if rows >= SMALLEST_CELL:
        told = _told_first(counts) if layout == "binary@1" else _told(counts)
    whole = {"layout": layout, "model": model, "rows": rows, "sites": sites, **told}
    return msgspec.convert({k: v for k, v in whole.items() if v is not None}, EvaluationSum)


def _told(counts: Counts) -> dict[str, Any]:
    """Return what is told of a sum of rows enough, None where a single number is not."""
    _, calls, table, (brier, log_loss) = parts(counts)
    classes, called, correct = calls.sum(axis=1), calls.sum(axis=0), int(calls.trace())
    if classes.min() < SMALLEST_CELL:
        cells = (correct, int(calls.sum()) - correct, *called.tolist())
        right = correct if min(cells) >= SMALLEST_CELL else None
        return {"withheld": "by-class", "correct": right}
    ranking = _ranking(counts)
    if calls.min() < SMALLEST_CELL:
        is_open = leaves_calls_open(calls, int(ranking["won"]), int(ranking["pairs"]))
        right = correct if is_open else None
        return {"withheld": "calls", **ranking, "correct": right, "tied": None}
    few_tie = 2 * MOST_TIED * int(ranking["tied"]) <= int(ranking["pairs"])
    bins = joined_bins(calls, table)
    whole = len(bins) == TABLE_BINS
    joined = tuple(
        MergedBin(
            end=one.end, hits=one.hits, rows=one.rows,
            scores=msgspec.UNSET if one.scores is None else one.scores,
        )
        for one in bins
    )  # fmt: skip
    return {
        **ranking, "withheld": "nothing", "calls": _four(calls), "correct": correct,
        "tied": ranking["tied"] if few_tie else None,
        "brier": int(brier) if whole else None, "log_loss": int(log_loss) if whole else None,
        "table": joined,
    }  # fmt: skip


def _told_first(counts: Counts) -> dict[str, Any]:
    """Return what `binary@1` tells, for ledgers that have it."""
    _, calls, table, (brier, log_loss) = parts(counts)
    correct: int | None = int(calls.trace())
    if calls.sum(axis=1).min() < SMALLEST_CELL:
        if calls.sum(axis=0).min() == 0:  # then the correct rows are those of a class
            correct = None
        return {"withheld": "by-class", "correct": correct}
    small = bool((calls < SMALLEST_CELL).any())
    return {
        **_ranking(counts), "withheld": "calls" if small else "nothing", "brier": int(brier),
        "calls": None if small else _four(calls), "correct": correct,
        "log_loss": int(log_loss), "table": _joined(table),
    }  # fmt: skip


def _ranking(counts: Counts) -> dict[str, Any]:
    scores, calls, _, _ = parts(counts)
    won, pairs = auc_pairs(scores)
    negative, positive = calls.sum(axis=1).tolist()
    return {
        "classes": (negative, positive), "pairs": str(pairs), "tied": str(tied_pairs(scores)),
        "won": str(won),
    }  # fmt: skip


def _four(calls: Counts) -> tuple[int, int, int, int]:
    negative, positive = calls.tolist()
    return negative[0], negative[1], positive[0], positive[1]


def _joined(table: Counts) -> tuple[MergedBin, ...]:
    """Return the table of `binary@1`: bins of enough rows each; the last ones join the last."""
    bins: list[tuple[int, Counts]] = []
    waiting = np.zeros(3, np.int64)
    for end, one in enumerate(table, 1):
        waiting = waiting + one
        if waiting[0] >= SMALLEST_CELL:
            bins.append((end, waiting))
            waiting = np.zeros(3, np.int64)
    if waiting[0] and bins:
        bins.append((TABLE_BINS, bins.pop()[1] + waiting))
    return tuple(
        MergedBin(end=end, hits=int(hits), rows=int(rows), scores=int(scores))
        for end, (rows, hits, scores) in bins
    )


def encode_sum(found: EvaluationSum) -> bytes:
    """Return the canonical bytes of what is told of a sum."""
    return canonical.encode(found)


def decode_sum(data: bytes) -> EvaluationSum:
    """Return what is told of a sum from its canonical bytes.

    Raises:
        FormatError: other bytes, or numbers out of range.
    """
    found = canonical.decode(data, _DECODER, WHAT)
    from_text(found.model, 32, "a model's digest")
    numbers = [found.rows, found.sites, *(found.classes or ()), *(found.calls or ())]
    if not all(0 <= one <= LARGEST_INTEGER for one in numbers) or not found.rows:
        raise malformed(WHAT, "a number is out of range")
    digits = (found.won, found.pairs, found.tied)
    if any(isinstance(one, str) and not one.isdecimal() for one in digits):
        raise malformed(WHAT, "a count of pairs is no number")
    return found


def measures(found: EvaluationSum) -> dict[str, float]:
    """Return the measures over all sites that follow from what is told, by name."""
    told: dict[str, float] = {}
    if isinstance(found.correct, int):
        told["accuracy"] = found.correct / found.rows
    if isinstance(found.won, str) and isinstance(found.pairs, str):
        told["auc"] = int(found.won) / int(found.pairs)
    if isinstance(found.calls, tuple):
        rejected, alarms, missed, hits = found.calls
        told["sensitivity"] = hits / (hits + missed)
        told["specificity"] = rejected / (rejected + alarms)
    for name, value in (("brier", found.brier), ("log_loss", found.log_loss)):
        if isinstance(value, int):
            told[name] = value / UNIT / found.rows
    return told


def error_of_auc(found: EvaluationSum) -> float | None:
    """Return by how much the AUC of all scores can differ at most; None where that is withheld."""
    if not (isinstance(found.tied, str) and isinstance(found.pairs, str)):
        return None
    return int(found.tied) / int(found.pairs)
