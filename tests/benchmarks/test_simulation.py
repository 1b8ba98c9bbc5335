"""Timing a simulation beside other libraries: the same work for all, or no figures."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.children import outcome
from benchmarks.simulation import (
    FEDJAX,
    LEDGER,
    PFL,
    TRAINER,
    Simulation,
    lines_of,
    main,
    simulation,
)
from benchmarks.workloads import CNN, LOGISTIC, MLP, clients, digest, trainers

from benchmarks import simulation as simulation_module

Told = dict[str, Any]


def told(**changes: Any) -> Told:
    usual = {
        "round": 0.01, "first_round": 0.5, "setup": 1.0, "accuracy": 0.8, "peak_mb": 50.0,
        "rounds": 155, "data": "d", "versions": {"numpy": "2"},
    }  # fmt: skip
    return {**usual, **changes}


@pytest.fixture
def canned(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Told]], None]:
    """Let runners tell what a test says, by module; no process is started."""

    def can(by_module: dict[str, Told]) -> None:
        def canned_outcome(python: str, module: str, *arguments: str) -> Told:
            return {**told(), **by_module.get(module, {})}

        monkeypatch.setattr(simulation_module, "outcome", canned_outcome)
        monkeypatch.setattr(simulation_module, "find_spec", lambda name: None)

    return can


def timed(**named: Any) -> Simulation:
    return simulation({"pfl": "p", "fedjax": "f"}, workloads=["mlp"], processes=2, **named)


@pytest.mark.parametrize("workload", [MLP, LOGISTIC, CNN], ids=lambda one: one.name)
def test_rows_are_the_same_for_whoever_draws_them(workload: Any) -> None:
    known = {"mlp": "3c9c7daff84568f0", "logistic": "ff27c801f4c952be", "cnn": "e6a1e1b0a872b72a"}
    data = clients(workload)
    assert digest(data) == known[workload.name]
    assert len(data) == workload.clients
    assert all(workload.least <= len(one.y) <= workload.most for one in data)
    assert {one.x.shape[1] for one in data} == {workload.widths[0]}
    assert len(trainers(workload, 1)) == workload.per_round


def test_every_class_of_picture_looks_its_own_way() -> None:
    pictures, classes = clients(CNN)[0].x, clients(CNN)[0].y
    power = np.abs(np.fft.fft2(pictures.reshape(-1, 28, 28)))
    means = np.stack([power[classes == label].mean(axis=0).ravel() for label in range(10)])
    assert (np.corrcoef(means[:, 1:]) - np.eye(10)).max() < 0.9


def test_ratios_are_taken_within_a_repeat_and_held_against_targets(
    canned: Callable[[dict[str, Told]], None],
) -> None:
    canned({PFL: {"round": 0.09}, LEDGER: {"round": 0.03}})
    found = timed(repeats=2)
    by_pair = {(one.ours, one.peer): one for one in found.ratios}
    assert by_pair["trainer", "pfl"].times.median == pytest.approx(9.0)
    assert by_pair["trainer", "pfl"].reached
    assert by_pair["all on the ledger, 2 processes", "pfl"].times.median == pytest.approx(3.0)
    assert not by_pair["all on the ledger, 2 processes", "pfl"].reached
    assert found.left_out == {
        "flower on mlp": "no environment with flower is named: --flower PYTHON"
    }
    text = "\n".join(lines_of(found))
    assert "| mlp | trainer | pfl | 9.0 (9.0 to 9.0) | 8 | reached |" in text
    assert "Left out: flower on mlp" in text


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"data": "other"}, "the same rows"), ({"accuracy": 0.7}, "accuracies lie from 0.700 to")],
)
def test_nothing_is_told_of_runners_that_did_something_else(
    changes: Told, why: str, canned: Callable[[dict[str, Told]], None]
) -> None:
    canned({FEDJAX: changes})
    with pytest.raises(AssertionError, match=why):
        timed(repeats=1)


def test_fewer_rounds_may_come_to_less(canned: Callable[[dict[str, Told]], None]) -> None:
    canned({FEDJAX: {"accuracy": 0.5, "rounds": 14}})
    assert timed(repeats=1).standings[1].accuracy == 0.5


def test_a_python_that_is_none_is_refused_with_its_name() -> None:
    with pytest.raises(RuntimeError, match="/no/such/python is the Python"):
        simulation({"pfl": "/no/such/python"}, workloads=["mlp"], repeats=1)


def test_our_trainer_tells_what_it_came_to() -> None:
    found = outcome(sys.executable, TRAINER, "mlp", "--processes", "2")
    assert found["data"] == "3c9c7daff84568f0"
    assert found["accuracy"] == pytest.approx(0.766, abs=0.001)
    assert found["peak_mb"] > 40


def test_a_peer_s_python_sees_these_programs_alone(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    with pytest.raises(RuntimeError, match=r"No module named 'collegium'"):
        outcome(str(python), "collegium.learning.dense")
    with pytest.raises(RuntimeError, match=r"No module named '(?!benchmarks)"):
        outcome(str(python), PFL, "mlp")


def test_the_command_prints_one_object(
    canned: Callable[[dict[str, Told]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    canned({})
    main(["--pfl", "p", "--workloads", "mlp", "--repeats", "1", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert {"machine", "repeats", "standings", "ratios", "left_out"} == set(found)
    assert found["standings"][0]["round_ms"] == {"median": 10.0, "least": 10.0, "greatest": 10.0}


def test_unknown_workloads_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--workloads", "cnm"])
    assert "'cnm'" in capsys.readouterr().err


@pytest.mark.long
def test_ours_alone_runs_from_end_to_end() -> None:
    found = simulation({}, workloads=["mlp", "logistic"], repeats=1, processes=2)
    assert {one.accuracy > 0.7 for one in found.standings} == {True}
    assert len(found.standings) >= 6
