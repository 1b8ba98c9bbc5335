"""The report of a run, number by number, against a computation that shares no code with it.

The released weights are applied to the shipped rows with plain formulas; which rows are a site's
test part is all that is taken from the package.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.report.reading import Page

from collegium.data.split import split
from collegium.data.uci_heart import load
from collegium.measuring.reporting import report_on
from collegium.report.measurements import FinalLine, read_lines
from collegium.simulation.execution import run
from collegium.study.reading import read_study

metrics = pytest.importorskip("sklearn.metrics")

Floats = NDArray[np.float64]
SETTINGS = ["training.rounds=3", "evaluation.bootstrap=200"]
LIE = 'threat={attack="lying_validator", attackers=["va"], rounds=[2]}'


@dataclass(frozen=True)
class Ran:
    folder: Path
    page: Page
    risk: dict[str, Floats]
    truth: dict[str, Floats]

    def together(self) -> tuple[Floats, Floats]:
        return np.concatenate(list(self.risk.values())), np.concatenate(list(self.truth.values()))


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("runs") / "heart"
    run("heart", out=folder, changes=[*SETTINGS, LIE])
    path = report_on(folder)
    study = read_study(folder / "study.toml").study
    weights = tensors(folder / "model" / "model.safetensors")
    [bias] = [value for value in weights if value.size == 1]
    [slopes] = [value for value in weights if value.size > 1]
    risk, truth = {}, {}
    for site in load().sites:
        _, test = split(site, study.data.split.test, study.study.seed)
        logit = test.x.astype(np.float64) @ slopes.ravel() + bias.ravel()
        risk[site.name] = 1 / (1 + np.exp(-logit))
        truth[site.name] = test.y.astype(np.float64)
    return Ran(folder, Page(path.read_text(encoding="utf-8")), risk, truth)


def tensors(path: Path) -> list[Floats]:
    """The float32 tensors of a safetensors file: eight bytes of length, a header, the data."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    return [
        np.frombuffer(data[start:][slice(*one["data_offsets"])], "<f4").astype(np.float64)
        for name, one in header.items()
        if name != "__metadata__"
    ]


def by_hand(risk: Floats, truth: Floats) -> dict[str, float]:
    """The six measures from their definitions, the AUC by comparing all pairs."""
    sick, well = risk[truth == 1], risk[truth == 0]
    pairs = sick[:, None] - well[None, :]
    chance = np.where(truth == 1, risk, 1 - risk)
    return {
        "Accuracy": float(((risk >= 0.5) == (truth == 1)).mean()),
        "AUC": float(((pairs > 0) + (pairs == 0) / 2).mean()),
        "Sensitivity": float((sick >= 0.5).mean()),
        "Specificity": float((well < 0.5).mean()),
        "Brier score": float(((risk - truth) ** 2).mean()),
        "Log loss": float(-np.log(chance).mean()),
    }


def first(cell: str) -> float:
    return float(cell.split()[0].replace("−", "-"))


def test_figures_over_all_sites(ran: Ran) -> None:
    expected = by_hand(*ran.together())
    _, *rows = ran.page.table("Three ways to train")
    assert [row[0] for row in rows] == list(expected)
    assert [first(row[1]) for row in rows] == pytest.approx(list(expected.values()), abs=6e-4)


@pytest.mark.parametrize("caption", ["The study's model", "Sites: signed by the site"])
def test_figures_by_site(ran: Ran, caption: str) -> None:
    heads, overall, *rows = ran.page.table(caption)
    assert int(overall[1]) == sum(map(len, ran.truth.values()))
    for site, _, *cells in rows:
        truth = ran.truth[site]
        few = min(truth.sum(), len(truth) - truth.sum()) < 5
        accuracy = float(((ran.risk[site] >= 0.5) == (truth == 1)).mean())
        expected = {"Accuracy": accuracy} if few else by_hand(ran.risk[site], truth)
        for head, cell in zip(heads[2:], cells, strict=True):
            if few and head != "Accuracy":
                assert cell == "withheld: a class has fewer than 5 test rows"
            else:
                assert first(cell) == pytest.approx(expected[head], abs=6e-4)


def test_calibration(ran: Ran) -> None:
    risk, truth = ran.together()
    _, *rows = ran.page.table("Test rows by prediction")
    bins = np.minimum((risk * 10).astype(int), 9)
    expected = [
        [risk[bins == one].mean(), truth[bins == one].mean(), (bins == one).sum()]
        for one in np.unique(bins)
    ]
    found = [[float(row[0]), float(row[1]), int(row[3])] for row in rows]
    assert np.array(found) == pytest.approx(np.array(expected), abs=6e-4)
    error = sum(rows * abs(mean - share) for mean, share, rows in expected) / len(risk)
    text = ran.page.sections["calibration"]
    for value in (risk.mean(), truth.mean(), error):
        assert f"{100 * value:.1f}\u00a0%" in text


def test_the_answer(ran: Ran) -> None:
    risk, truth = ran.together()
    correct = int(((risk >= 0.5) == (truth == 1)).sum())
    expected = by_hand(risk, truth)
    answer = ran.page.sections["answer"]
    assert f"classifies {correct} of {len(risk)} test cases correctly" in answer
    assert f"it flags {100 * expected['Sensitivity']:.0f} of 100" in answer
    assert f"rules out {100 * expected['Specificity']:.0f} of 100" in answer


def test_what_leaves_a_site_is_what_check_lists(ran: Ran) -> None:
    listed = json.loads(
        subprocess.run(
            [sys.executable, "-m", "collegium", "check", str(ran.folder / "study.toml"),
             "--outbound", "--json"],
            capture_output=True, check=True,
        ).stdout
    )["outbound"]  # fmt: skip
    for of_rows, caption in ((True, "Computed from patients"), (False, "Not computed from rows")):
        _, *rows = ran.page.table(caption)
        assert rows == [
            [one[key] for key in ("kind", "contents", "to", "protection", "kept")]
            for one in listed
            if one["from_rows"] is of_rows
        ]


def test_the_answer_has_a_line_for_each_first_question(ran: Ran) -> None:
    answer = ran.page.sections["answer"]
    _, *sent = ran.page.table("Computed from patients")
    for line in (
        "PrivacyEvery validator saw each site's update in plain form.",
        "SearchNone: one set of settings, fixed before training, for all rounds.",
        "AttackAn adversary was planted: “lying_validator” by va in round 2. More.",
        f"Leaves a siteNo row and no identifier of a patient; {len(sent)} kinds of messages",
    ):
        assert line in answer


def test_table_1(ran: Ran) -> None:
    _, everybody, *rows = ran.page.table("Table 1. The sites: all rows of the study")
    assert [row[0] for row in rows] == sorted(ran.truth)
    counted = {site.name: site.y for site in load().sites}
    for name, number, persons, events, missing in rows:
        y = counted[name]
        assert (number, persons, missing) == (str(len(y)), str(len(y)), "0.0\u00a0%")
        few = len(y) - y.sum() < 5
        assert events == ("not told" if few else f"{y.sum()} ({100 * y.mean():.1f}\u00a0%)")
    together = np.concatenate(list(counted.values()))
    assert everybody[1] == str(len(together))
    assert everybody[3] == "not told", "that of the site which withholds its own would follow"


def test_what_calls_are_worth(ran: Ran) -> None:
    risk, truth = ran.together()
    (spared, alarms), (missed, hits) = metrics.confusion_matrix(truth, risk >= 0.5).tolist()
    _, absent, present, everything = ran.page.table("Confusion matrix at the threshold 0.5")
    assert absent[1:] == [str(spared), str(alarms), str(spared + alarms)]
    assert present[1:] == [str(missed), str(hits), str(missed + hits)]
    assert everything[1:] == [str(spared + missed), str(alarms + hits), str(len(truth))]
    expected = {
        "Prevalence": truth.mean(),
        "PPV": hits / (hits + alarms),
        "NPV": spared / (spared + missed),
        "Average precision": metrics.average_precision_score(truth, risk),
    }
    _, *rows = ran.page.table("What calls are worth")
    assert {row[0]: first(row[1]) for row in rows} == pytest.approx(expected, abs=6e-4)
    for low, high, value in ((*bounds(row[1]), first(row[1])) for row in rows):
        # a normal approximation, which percentiles come near to at this many rows
        if value == first(rows[0][1]):
            half = 1.96 * np.sqrt(truth.mean() * (1 - truth.mean()) / len(truth))
            assert (low, high) == pytest.approx((value - half, value + half), abs=0.02)
        assert low < value < high
    answer = ran.page.sections["answer"]
    assert f"Of the cases that it flags, {100 * expected['PPV']:.0f} of 100" in answer
    assert f"{len(truth)} in the test part, at 4 sites, with a row each." in answer
    assert f"{100 * truth.mean():.0f} of 100" in answer


def test_the_curves_pass_through_the_threshold(ran: Ran) -> None:
    risk, truth = ran.together()
    assert f"ROC curve (AUC {metrics.roc_auc_score(truth, risk):.3f})" in ran.page.sections["calls"]
    final = read_lines(ran.folder / "metrics.jsonl")[-1]
    assert isinstance(final, FinalLine)
    assert final.tested is not None
    curve = np.array(final.tested.roc)
    alarms, found, _ = metrics.roc_curve(truth, risk)
    assert np.interp(alarms, curve[:, 0], curve[:, 1]) == pytest.approx(
        np.interp(alarms, alarms, found), abs=6e-3
    )


def bounds(cell: str) -> tuple[float, float]:
    _, low, _, high = cell.split()
    return float(low), float(high)


def test_the_liar_is_named_and_the_planted_adversary_too(ran: Ran) -> None:
    assert "va voted for another model" in ran.page.sections["answer"]
    assert (
        "(heart, round 2). It was outvoted: the model is not affected."
        in ran.page.sections["answer"]
    )
    assert "“lying_validator” by va in round 2" in ran.page.sections["participants"]


def two_digits(rows: int) -> int:
    """Rows as a site registers them: all but the first two binary digits are zero."""
    return int(f"{rows:b}"[:2].ljust(rows.bit_length(), "0"), 2)


def test_rows_rounds_and_digests(ran: Ran) -> None:
    _, *sites = ran.page.table("Sites, their rows")
    lengths = {site.name: len(site.y) for site in load().sites}
    total = sum(two_digits(int(one[1])) for one in sites)
    for name, train, test, rounds, claimed, used, share in sites:
        weight = two_digits(int(train))
        assert (claimed, used) == (str(weight), str(weight))
        assert share == f"{100 * weight / total:.1f} %"
        assert int(train) + int(test) == lengths[name]
        assert int(test) == len(ran.truth[name])
        assert rounds == "3 of 3"
    model = json.loads((ran.folder / "model" / "model.json").read_text())["model"]
    assert model in ran.page.sections["record"]
    assert ran.page.table("Closed rounds")[-1][4] == model
    assert (ran.folder / "blobs" / model).is_file()


def test_the_page_is_small_and_the_same_whoever_makes_it_from_the_folder(ran: Ran) -> None:
    path = ran.folder / "report.html"
    before = path.read_bytes()
    assert len(before) < 300_000
    assert report_on(ran.folder).read_bytes() == before
