"""What a sum over sites says of a model: one canonical form, without cells of few rows.

The AUC is a fraction of whole numbers, the same on every machine. Withheld are, of the sum: all
but the number of rows where there are fewer than `SMALLEST_CELL`; everything by class where a class
has fewer; calls by class where one of the four is smaller. Bins of the reliability table are joined
until each has as many. docs/spec/19-summed-statistics.md.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from collegium import canonical
from collegium.canonical import LARGEST_INTEGER, from_text, malformed
from collegium.learning.evaluation.binned_ranking import auc_pairs, tied_pairs
from collegium.learning.evaluation.counts import TABLE_BINS, UNIT, Counts, parts

SMALLEST_CELL = 10
"""A cell of the sum with fewer rows is not told."""

WHAT = "a sum of statistics"

Nothing = msgspec.UnsetType


class MergedBin(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rows with scores up to a bin's end, in tenths: how many, positive ones, the sum of scores."""

    end: int
    hits: int
    rows: int
    scores: int


class EvaluationSum(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is told of the test rows of all sites in a sum; nothing of any one of them.

    `pairs` are twice the pairs of a negative and a positive row, `won` what a model that ranks by
    score wins of them, a tie counting half, in decimal; `tied` the pairs that meet in a bin.
    `calls` are negative rows called so and not so, then positive ones. `brier` and `log_loss` are
    sums over rows, in units of 2^-20 as the sums of scores. `model` is the SHA-256 of its blob.
    """

    brier: int | Nothing = msgspec.UNSET
    calls: tuple[int, int, int, int] | Nothing = msgspec.UNSET
    classes: tuple[int, int] | Nothing = msgspec.UNSET
    correct: int | Nothing = msgspec.UNSET
    layout: Literal["binary@1"]
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


def summed(counts: Counts, sites: int, model: str) -> EvaluationSum:
    """Return what is told of a sum.

    Args:
        counts: int64 [LENGTH], over sites; it agrees with itself.
        sites: how many are in it.
        model: digest of the model, as the ledger writes it.
    """
    scores, calls, table, (brier, log_loss) = parts(counts)
    classes, rows = calls.sum(axis=1), int(calls.sum())
    told = {"layout": "binary@1", "model": model, "rows": rows, "sites": sites}
    if rows < SMALLEST_CELL:
        return msgspec.convert({**told, "withheld": "all"}, EvaluationSum)
    called = calls.sum(axis=0)
    told["correct"] = int(calls.trace())
    if classes.min() < SMALLEST_CELL:
        if called.min() == 0:  # then the correct rows are those of a class
            del told["correct"]
        return msgspec.convert({**told, "withheld": "by-class"}, EvaluationSum)
    won, pairs = auc_pairs(scores)
    small = bool((calls < SMALLEST_CELL).any())
    return EvaluationSum(
        brier=int(brier), calls=msgspec.UNSET if small else _four(calls),
        classes=(int(classes[0]), int(classes[1])), correct=int(calls.trace()), layout="binary@1",
        log_loss=int(log_loss), model=model, pairs=str(pairs), rows=rows, sites=sites,
        table=_joined(table), tied=str(tied_pairs(scores)),
        withheld="calls" if small else "nothing", won=str(won),
    )  # fmt: skip


def _four(calls: Counts) -> tuple[int, int, int, int]:
    negative, positive = calls.tolist()
    return negative[0], negative[1], positive[0], positive[1]


def _joined(table: Counts) -> tuple[MergedBin, ...]:
    """Return a reliability table whose bins have enough rows each; the last ones join the last."""
    bins: list[MergedBin] = []
    waiting = np.zeros(3, np.int64)
    for end, one in enumerate(table, 1):
        waiting = waiting + one
        if waiting[0] >= SMALLEST_CELL:
            bins.append(_bin(end, waiting))
            waiting = np.zeros(3, np.int64)
    if waiting[0] and bins:
        last = bins.pop()
        bins.append(_bin(TABLE_BINS, waiting + np.array([last.rows, last.hits, last.scores])))
    return tuple(bins)


def _bin(end: int, cells: Counts) -> MergedBin:
    rows, hits, scores = cells.tolist()
    return MergedBin(end=end, hits=hits, rows=rows, scores=scores)


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
    """Return by how much the AUC of all scores can differ at most; None without an AUC."""
    if not (isinstance(found.tied, str) and isinstance(found.pairs, str)):
        return None
    return int(found.tied) / int(found.pairs)
