"""A small benchmark, from trials to its page: what broke off goes on, and bad input is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collegium.assembly.preparation import prepare
from collegium.benchmark import robustness as robustness_module
from collegium.benchmark.grid import Grid, Job
from collegium.benchmark.robustness import Robustness, robustness
from collegium.benchmark.trial import (
    AttackedTrial,
    CleanTrial,
    Line,
    Part,
    RefusedTrial,
    right_of,
    try_job,
)
from collegium.errors import CollegiumError
from collegium.simulation.ledgerless import run_without_ledger
from collegium.study.document import Study
from collegium.study.reading import read_study

SHORT = ("training.rounds=3", "training.local_epochs=1")
GRID = Grid(("fedavg", "nnm+trimmed_mean", "bulyan"), ("sign_flip", "label_flip"), (2,), (0, 1), 2)


def study(*changes: str) -> Study:
    return read_study("heart10-robust", [*SHORT, *changes]).study


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Robustness:
    return robustness(study(), GRID, tmp_path_factory.mktemp("bench") / "whole")


def test_rules_stand_in_the_order_asked_for_and_one_is_refused(whole: Robustness) -> None:
    assert [one.rule for one in whole.standings] == list(GRID.rules)
    plain, robust, bulyan = whole.standings
    assert bulyan.refused is not None
    assert "n >= 4f + 3" in bulyan.refused
    assert bulyan.refused.startswith("bulyan cannot")
    for one in (plain, robust):
        assert {found.attack for found in one.against} == set(GRID.attacks)
        assert all(found.trials == 4 for found in one.against)
    assert plain.against[0].attack == "sign_flip"
    assert plain.against[0].loss.value > robust.against[0].loss.value + 10


def test_what_is_written_says_the_same_and_needs_nothing_else(whole: Robustness) -> None:
    told = json.loads((whole.folder / "results.json").read_bytes())
    assert [one["rule"] for one in told["standings"]] == list(GRID.rules)
    assert told["standings"][0]["against"][0]["loss"]["value"] == pytest.approx(
        whole.standings[0].against[0].loss.value
    )
    page = (whole.folder / "index.html").read_text()
    assert "src=" not in page
    assert "http" not in page.replace("http-equiv", "")
    for name in (*GRID.rules, *GRID.attacks):
        assert name in page


def test_two_processes_and_a_second_start_end_in_the_same(
    whole: Robustness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = tmp_path / "cut"
    tried: list[Job] = []

    def breaking(base: Study, job: Job, wanted: int, part: Part) -> list[Line]:
        if len(tried) == 5:
            raise KeyboardInterrupt
        tried.append(job)
        return try_job(base, job, wanted, part)

    with monkeypatch.context() as patch:
        patch.setattr(robustness_module, "try_job", breaking)
        with pytest.raises(KeyboardInterrupt):
            robustness(study(), GRID, cut)
    with (cut / "trials.jsonl").open("ab") as file:
        file.write(b'{"type":"attacked","rule":"fed')  # torn
    steps: list[tuple[int, int]] = []
    again = robustness(
        study(), GRID, cut, processes=2, progress=lambda done, all_: steps.append((done, all_))
    )
    assert again.standings == whole.standings
    assert again.demands == whole.demands
    assert steps[0] == (5, 18)
    assert steps[-1] == (18, 18)
    assert (cut / "index.html").read_bytes() == (whole.folder / "index.html").read_bytes()


def test_a_record_of_something_else_is_left_alone(whole: Robustness) -> None:
    for other, part in ((study("study.seed=1", "training.rounds=4"), "test"), (study(), "train")):
        with pytest.raises(CollegiumError) as caught:
            robustness(other, GRID, whole.folder, part=part)  # type: ignore[arg-type]
        assert caught.value.code == "bench.other"


@pytest.mark.parametrize(
    ("rules", "attacks", "code", "near"),
    [(("krumm",), ("sign_flip",), "study.unknown-name", "'krum'"),
     (("krum",), ("sign_flop",), "study.unknown-name", "'sign_flip'"),
     (("krum",), ("lying_validator",), "bench.attack", "sign_flip")],
)  # fmt: skip
def test_what_cannot_be_tried_is_refused_first(
    tmp_path: Path, rules: tuple[str, ...], attacks: tuple[str, ...], code: str, near: str
) -> None:
    with pytest.raises(CollegiumError) as caught:
        robustness(study(), Grid(rules, attacks, (2,), (0,), 2), tmp_path / "bench")
    assert caught.value.code == code
    assert near in caught.value.todo
    assert not (tmp_path / "bench").exists()


def test_what_a_refusal_says_is_kept_whole() -> None:
    (line,) = try_job(study(), Job("median", 9, 0, "ipm"), 1, "test")
    assert isinstance(line, RefusedTrial)
    assert line.why.startswith("9 bad updates of 10")


def test_a_rule_that_is_given_scores_gets_them() -> None:
    (line,) = try_job(study(), Job("fltrust", 2, 0, None), 1, "train")
    assert isinstance(line, CleanTrial)
    (searching,) = try_job(study(), Job("zeno", 2, 0, "opt_alie"), 1, "train")
    assert isinstance(searching, AttackedTrial)


def test_a_rule_by_scores_that_bears_no_number_is_tried_without_one() -> None:
    (lying,) = try_job(study(), Job("reputation_weighted", 2, 0, "ballot_stuffing"), 1, "train")
    assert isinstance(lying, AttackedTrial)


def test_a_trial_counts_what_the_model_gets_right() -> None:
    job = Job("fedavg", 2, 5, None)
    (line,) = try_job(study(), job, 2, "train")
    assert isinstance(line, CleanTrial)
    changes = [*SHORT, "study.seed=5", "training.site_momentum=0.0", "aggregation.rule=fedavg",
               "aggregation.tolerate=0"]  # fmt: skip
    prepared = prepare(read_study("heart10-robust", changes))
    assert line.sites == right_of(prepared, run_without_ledger(prepared), prepared.sites, "train")
    assert {name: rows for name, (_, rows) in line.sites.items()} == {
        name: len(rows.y) for name, rows in prepared.train.items()
    }
