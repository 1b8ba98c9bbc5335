"""What sites count of test rows adds up to the measures of all; small cells stay untold."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.ledger.vectors import VECTORS

from collegium.errors import FormatError
from collegium.learning.evaluation.calibration import reliability
from collegium.learning.evaluation.cell_suppression import SMALLEST_CELL
from collegium.learning.evaluation.counts import (
    LENGTH,
    TABLE_BINS,
    UNIT,
    Counts,
    agrees,
    largest,
    parts,
)
from collegium.learning.evaluation.metrics import measure
from collegium.learning.evaluation.summed import (
    decode_sum,
    encode_sum,
    error_of_auc,
    measures,
    summed,
)
from collegium.learning.evaluation.tally import layout_of, tally

MODEL = "jDgi_g8veunMD8Bo73KJSBFZWO8SZT4kTwS05h-rEEY"
Rows = tuple[NDArray[np.int64], NDArray[np.float32]]


def rows_of(count: int, seed: int = 0, share: float = 0.4) -> Rows:
    """Rows of a site whose scores are of some use."""
    generator = np.random.default_rng(seed)
    y = (generator.random(count) < share).astype(np.int64)
    return y, (generator.beta(2.0 + y, 3.0 - y)[:, None]).astype(np.float32)


def of_sites(sites: list[Rows], threshold: float = 0.37) -> Counts:
    """The sum of what sites count."""
    total = np.zeros(LENGTH, np.int64)
    for y, scores in sites:
        total += tally(y, scores, threshold)
    return total


def auc_pair_by_pair(y: NDArray[np.int64], scores: NDArray[Any]) -> float:
    """The AUC of scores cut to 1024 bins, counted pair by pair."""
    cut = np.minimum(np.floor(scores[:, 0].astype(np.float64) * 1024), 1023)
    against = cut[y == 1][:, None] - cut[y == 0][None, :]
    return float(((against > 0) + 0.5 * (against == 0)).mean())


SITES = [rows_of(61, 1), rows_of(7, 2), rows_of(150, 3, 0.1), rows_of(90, 4, 0.9)]


def test_a_sum_gives_the_measures_of_all_rows_together() -> None:
    counts = of_sites(SITES)
    assert counts.shape == (LENGTH,)
    assert agrees(counts, len(SITES))
    y, scores = (np.concatenate([one[part] for one in SITES]) for part in (0, 1))
    told = summed(counts, len(SITES), MODEL, "binary@2")
    found, exact = measures(told), measure("binary", y, scores, 0.37)
    assert told.withheld == "nothing"
    assert (told.rows, told.sites) == (308, 4)
    for name in ("accuracy", "sensitivity", "specificity"):
        assert found[name] == pytest.approx(exact[name], abs=1e-12)
    assert not {"brier", "log_loss"} & set(found), "of bins that are joined, they would tell"
    assert found["auc"] == pytest.approx(auc_pair_by_pair(y, scores), abs=1e-9)
    error = error_of_auc(told)
    assert error is not None
    assert abs(found["auc"] - float(exact["auc"] or 0)) <= error <= 0.002


def test_where_every_bin_has_rows_enough_the_losses_are_told() -> None:
    draws = np.random.default_rng(0)
    scores = draws.random((3000, 1)).astype(np.float32)
    y = (draws.random(3000) < scores[:, 0]).astype(np.int64)
    told = summed(of_sites([(y, scores)]), 4, MODEL, "binary@2")
    found, exact = measures(told), measure("binary", y, scores, 0.37)
    assert [one.end for one in told.table] == list(range(1, 11))
    for name in ("brier", "log_loss"):
        assert found[name] == pytest.approx(exact[name], abs=0.5 / UNIT)


def test_the_reliability_table_is_that_of_all_rows_with_small_bins_joined() -> None:
    y, scores = (np.concatenate([one[part] for one in SITES]) for part in (0, 1))
    _, _, table, _ = parts(of_sites(SITES))
    exact = {round(one.high * TABLE_BINS): one for one in reliability("binary", y, scores)}
    for end, (rows, hits, risk) in enumerate(table.tolist(), 1):
        one = exact.get(end)
        assert rows == (0 if one is None else one.rows)
        if one is not None:
            assert hits == round(one.rate * one.rows)
            assert risk / UNIT == pytest.approx(one.mean_score * one.rows, abs=rows / UNIT)
    told = summed(of_sites(SITES), 4, MODEL, "binary@2").table
    assert all(min(one.hits, one.rows - one.hits) >= SMALLEST_CELL for one in told)
    assert sum(one.rows for one in told) == 308
    assert sum(one.hits for one in told) == int((y == 1).sum())


def test_a_sum_of_few_rows_tells_how_many_they_are() -> None:
    told = summed(of_sites([rows_of(4, 1), rows_of(5, 2)]), 2, MODEL, "binary@2")
    assert (told.withheld, told.rows) == ("all", 9)
    assert measures(told) == {}


def test_a_class_of_few_rows_is_not_told_nor_what_it_could_be_worked_out_from() -> None:
    y = np.array([1] * 9 + [0] * 200)
    generator = np.random.default_rng(5)
    scores = generator.random((209, 1)).astype(np.float32)
    told = summed(of_sites([(y, scores)], 0.5), 1, MODEL, "binary@2")
    assert told.withheld == "by-class"
    assert set(measures(told)) == {"accuracy"}
    assert not told.table
    alike = summed(of_sites([(y, scores * 0.4)], 0.5), 1, MODEL, "binary@2")
    assert measures(alike) == {}, "who is called alike is right as often as one class occurs"


def test_calls_of_few_rows_are_not_told_while_the_ranking_is() -> None:
    y = np.array([1] * 50 + [0] * 50)
    scores = np.linspace(0.9, 0.1, 100, dtype=np.float32)[:, None]
    told = summed(of_sites([(y, scores)], 0.5), 1, MODEL, "binary@2")
    assert told.withheld == "calls"
    assert set(measures(told)) == {"auc"}


@pytest.mark.parametrize("place", [0, 2048, 2052, 2053, 2054, LENGTH - 2, LENGTH - 1])
def test_a_sum_that_one_site_has_bent_does_not_agree_with_itself(place: int) -> None:
    counts = of_sites(SITES)
    counts[place] += largest()[place] // 2
    assert not agrees(counts, len(SITES))


def test_what_is_told_is_read_back_and_other_bytes_are_refused() -> None:
    told = summed(of_sites(SITES), 4, MODEL, "binary@2")
    data = encode_sum(told)
    assert decode_sum(data) == told
    for wrong in (data[:-1], data.replace(b'"rows":308', b'"rows":-08'), b"{}"):
        with pytest.raises(FormatError):
            decode_sum(wrong)


@pytest.mark.parametrize("case", VECTORS["summed"], ids=["few", "some", "many"])
def test_the_worked_counts_are_made_again_by_a_stranger(case: dict[str, Any]) -> None:
    """Page 19 in plain Python, row by row."""
    unit, counts = 2**20, [0] * 2084
    for y, units in zip(case["y"], case["scores"], strict=True):
        score, place = units / unit, min(units * 1024 // unit, 1023)
        counts[1024 * y + place] += 1
        counts[2048 + 2 * y + (score >= float(case["threshold"]))] += 1
        tenth = next(i for i in range(10) if score < (i + 1) / 10)
        for offset, more in enumerate((1, y, units)):
            counts[2052 + 3 * tenth + offset] += more
        counts[2082] += round(unit * (score - y) ** 2)
        right = min(max(score if y else 1 - score, 2.0**-52), 1 - 2.0**-52)
        counts[2083] += round(-unit * math.log(right))
    assert {str(at): one for at, one in enumerate(counts) if one} == case["counts"]
    told = decode_sum(case["told"].encode())
    negative, positive = counts[:1024], counts[1024:2048]
    if min(sum(negative), sum(positive)) < 10:
        assert (told.withheld, told.won, told.table) == ("by-class", msgspec.UNSET, ())
        return
    won = sum(
        more * (2 * sum(negative[:at]) + negative[at]) for at, more in enumerate(positive) if more
    )
    assert told.won == str(won)
    assert told.pairs == str(2 * sum(negative) * sum(positive))
    tied = sum(a * b for a, b in zip(negative, positive, strict=True))
    assert told.tied == (str(tied) if told.withheld == "nothing" else msgspec.UNSET)
    assert 16 * tied <= int(told.pairs)


def test_only_binary_tasks_are_counted_yet() -> None:
    assert layout_of("binary") == "binary@2"
    assert layout_of("regression") is None
