"""A search among ways of training, from its registration to the model that is tested."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from collegium.audit.history import read_history
from collegium.audit.verify import verify
from collegium.canonical import from_text
from collegium.federation.stages import stages_of
from collegium.learning.blobs import ModelState, decode_model
from collegium.ledger.blobs import read_blob
from collegium.ledger.contract.events import Event, RoundClosed
from collegium.measuring.reporting import report_on
from collegium.measuring.result import RunResult
from collegium.mechanisms.search.terms import ModelChosen, TrialClosed
from collegium.report.measurements import RoundLine, read_lines
from collegium.simulation.execution import run
from collegium.study.outbound import outbound
from collegium.study.reading import read_study

PLAIN = ("training.rounds=4", "evaluation.bootstrap=0")
SEARCH = (
    *PLAIN, "search.training.learning_rate=[0.02, 0.6]", "search.training.local_epochs=[1, 3]",
    "search.validation=0.25",
)  # fmt: skip


def events_of(folder: Path) -> list[Event]:
    history = read_history((folder / "ledger.log").read_bytes())
    return [event for said in history.said for event in said.events]


def model_of(folder: Path, name: str) -> ModelState:
    data = read_blob(folder / "blobs", from_text(name, 32))
    assert data is not None
    return decode_model(data)


def chosen_of(folder: Path) -> ModelChosen:
    (found,) = (one for one in events_of(folder) if isinstance(one, ModelChosen))
    return found


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return run("heart", out=tmp_path_factory.mktemp("search") / "run", changes=SEARCH)


def test_the_trial_with_the_least_loss_gives_the_model(searched: RunResult) -> None:
    folder = searched.folder
    trials = [one for one in events_of(folder) if isinstance(one, TrialClosed)]
    chosen = chosen_of(folder)
    assert [one.trial for one in trials] == [1, 2, 3, 4]
    best = min(trials, key=lambda one: (one.validation, one.trial))
    assert (chosen.trial, chosen.model, chosen.round) == (best.trial, best.model, best.best)
    assert searched.rounds == 16
    told = {
        one.round: float(model_of(folder, one.model).parameters[-4])
        for one in events_of(folder) if isinstance(one, RoundClosed)
    }  # fmt: skip
    losses = [min(told[4 * trial + n] for n in (1, 2, 3, 4)) for trial in range(4)]
    assert [one.validation for one in trials] == [int(np.floor(x * 2**30)) for x in losses]
    assert len(set(losses)) == 4


def test_a_trial_learns_what_a_study_with_its_values_does(
    searched: RunResult, tmp_path: Path
) -> None:
    """Early stopping holds out the same persons, so nothing but the ledger is different."""
    alone = run("heart", out=tmp_path / "alone", changes=[
        *PLAIN, "training.learning_rate=0.6", "training.local_epochs=1",
        "training.early_stopping={ patience = 99, validation = 0.25 }",
    ])  # fmt: skip
    ours = [one for one in events_of(searched.folder) if isinstance(one, RoundClosed)]
    theirs = [one for one in events_of(alone.folder) if isinstance(one, RoundClosed)]
    for mine, other in zip(ours[8:12], theirs, strict=True):
        left, right = model_of(searched.folder, mine.model), model_of(alone.folder, other.model)
        assert np.array_equal(left.parameters, right.parameters)


@pytest.mark.parametrize(
    "changes",
    [
        ["aggregation.rule=nnm+trimmed_mean", "aggregation.tolerate=1",
         "training.site_momentum=0.9"],
        ["training.algorithm=scaffold", "aggregation.weights=equal"],
        ["personalization={ method = 'ditto', strength = 0.5 }"],
    ],
)  # fmt: skip
def test_what_sites_keep_begins_anew_with_each_trial(changes: list[str], tmp_path: Path) -> None:
    two = [*PLAIN, "training.rounds=3", *changes]
    search = run("heart", out=tmp_path / "search", changes=[
        *two, "search.training.learning_rate=[0.02, 0.6]", "search.validation=0.25",
    ])  # fmt: skip
    alone = run("heart", out=tmp_path / "alone", changes=[
        *two, "training.learning_rate=0.6",
        "training.early_stopping={ patience = 99, validation = 0.25 }",
    ])  # fmt: skip
    assert verify(search.folder).ok
    ours, theirs = (
        [model_of(one.folder, said.model).parameters for said in events_of(one.folder)
         if isinstance(said, RoundClosed)] for one in (search, alone)
    )  # fmt: skip
    assert len(ours) == 6
    assert all(np.array_equal(mine, other) for mine, other in zip(ours[3:], theirs, strict=True))
    assert chosen_of(search.folder).trial == 2
    assert search.measured.federated == alone.measured.federated, "personal models too"


def test_the_strength_of_personal_models_can_be_searched(tmp_path: Path) -> None:
    result = run("heart", out=tmp_path / "run", changes=[
        *PLAIN, "personalization={ method = 'ditto', strength = 0.5 }",
        "search.personalization.strength=[0.01, 30.0]",
    ])  # fmt: skip
    trials = [one for one in events_of(result.folder) if isinstance(one, TrialClosed)]
    assert len({one.validation for one in trials}) == 2, "losses are those of the models in use"
    models = [one.model for one in events_of(result.folder) if isinstance(one, RoundClosed)]
    shared = [model_of(result.folder, one).parameters[:14] for one in models]
    assert np.array_equal(shared[3], shared[7]), "the shared model does not depend on it"


def test_the_comparison_is_trained_as_the_chosen_trial_was(
    searched: RunResult, tmp_path: Path
) -> None:
    chosen = chosen_of(searched.folder).trial
    rate, epochs = [(0.02, 1), (0.02, 3), (0.6, 1), (0.6, 3)][chosen - 1]
    plain = run("heart", out=tmp_path / "plain", changes=[
        *PLAIN, f"training.learning_rate={rate}", f"training.local_epochs={epochs}",
    ])  # fmt: skip
    assert searched.measured.pooled == plain.measured.pooled


def test_it_verifies_resumes_and_says_the_same_again(searched: RunResult, tmp_path: Path) -> None:
    found = verify(searched.folder)
    assert (found.ok, found.findings, found.complete) == (True, (), True)
    assert found.checked["rounds"] == 16
    again = run("heart", out=tmp_path / "again", changes=SEARCH)
    assert (again.app_hash, again.model) == (searched.app_hash, searched.model)
    resumed = run("heart", out=searched.folder, changes=SEARCH, resume=True)
    assert resumed.app_hash == searched.app_hash


def test_verify_and_the_report_tell_of_every_trial_and_every_look(searched: RunResult) -> None:
    (told,) = verify(searched.folder).selections
    assert (told.looks, told.held_out, len(told.trials)) == (16, 0.25, 4)
    assert [one.values["training.learning_rate"] for one in told.trials] == [0.02, 0.02, 0.6, 0.6]
    assert [one.rounds for one in told.trials] == [4, 4, 4, 4]
    assert told.loss == min(one.loss for one in told.trials if one.loss is not None)
    page = report_on(searched.folder).read_text()
    assert "4 trials were registered before the first one started" in page
    assert "the lowest of 16 measurements" in page
    for one in told.trials:
        assert f"{one.loss:.3f}" in page
    rounds = [line.round for line in read_lines(searched.folder / "metrics.jsonl")
              if isinstance(line, RoundLine)]  # fmt: skip
    assert rounds == list(range(1, 17))


def test_a_search_that_broke_off_in_its_second_trial_goes_on_to_the_same_end(
    searched: RunResult, tmp_path: Path
) -> None:
    def stop(closed: int, rounds: int) -> None:
        assert rounds == 16
        if closed == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("heart", out=tmp_path / "run", changes=SEARCH, progress=stop)
    resumed = run("heart", out=tmp_path / "run", changes=SEARCH, resume=True)
    assert (resumed.app_hash, resumed.model) == (searched.app_hash, searched.model)


def test_what_leaves_a_site_tells_of_the_losses() -> None:
    study = read_study("heart", SEARCH).study
    told = {one.kind: one.contents for one in outbound(study, stages_of(study))}
    assert "mean loss on rows held out" in told["update"]
    assert "(up to 16)" in told["update"]
    assert "the loss on rows held out" in told["vote"]


def test_a_trial_that_diverges_is_left_out(tmp_path: Path) -> None:
    result = run("heart", out=tmp_path / "run", changes=[
        *PLAIN, "search.training.learning_rate=[0.05, 1000.0]", "model.l2=0.5",
        "training.local_epochs=20",
    ])  # fmt: skip
    assert result.outcome == "completed"
    trials = [one for one in events_of(tmp_path / "run") if isinstance(one, TrialClosed)]
    assert [isinstance(one.model, str) for one in trials] == [True, False]
    assert chosen_of(tmp_path / "run").trial == 1
    assert verify(tmp_path / "run").ok


def test_penalties_and_server_steps_can_be_searched_under_secure_sums(tmp_path: Path) -> None:
    result = run("heart", out=tmp_path / "run", changes=[
        *PLAIN, "search.model.l2=[0.0, 0.1]", "search.aggregation.server.learning_rate=[0.3, 1.0]",
        "privacy.secure_aggregation={ protocol = 'secagg', threshold = 3 }",
        "training.early_stopping={ patience = 1 }", "training.learning_rate=2.0",
    ])  # fmt: skip
    assert result.outcome == "completed"
    trials = [one for one in events_of(tmp_path / "run") if isinstance(one, TrialClosed)]
    assert len({one.validation for one in trials}) == 4
    closed = [one for one in events_of(tmp_path / "run") if isinstance(one, RoundClosed)]
    assert result.rounds == len(closed) < 16
    assert closed[-1].round > len(closed), "numbers of trials that ended early are left out"
    assert verify(tmp_path / "run").ok


def test_a_loss_that_validators_agree_on_and_that_is_not_so_does_not_verify(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(
            "collegium.mechanisms.search.resolving.measured_loss", lambda model: int(model.step)
        )
        run("heart", out=tmp_path / "run", changes=SEARCH)
    found = verify(tmp_path / "run")
    assert not found.ok
    assert {one.code for one in found.findings} == {"round.ending"}


def test_each_fold_searches_for_itself(tmp_path: Path) -> None:
    result = run("heart", out=tmp_path / "run", changes=[*SEARCH, "evaluation.folds=2"])
    assert result.measured.out_of_fold is not None
    for number in ("1", "2"):
        inner = tmp_path / "run" / "folds" / number
        assert len([one for one in events_of(inner) if isinstance(one, TrialClosed)]) == 4
        assert verify(inner).ok


def test_the_final_model_is_the_one_that_is_released(searched: RunResult) -> None:
    chosen = model_of(searched.folder, chosen_of(searched.folder).model)
    weights = (searched.folder / "model" / "model.safetensors").read_bytes()
    assert chosen.parameters[:1].tobytes() in weights
    assert chosen.parameters[1:14].tobytes() in weights


def test_a_search_goes_with_rules_over_groups_sums_and_a_sum_over_test_rows(
    tmp_path: Path,
) -> None:
    result = run("heart", out=tmp_path / "run", changes=[
        *PLAIN, "data.partition={ by = 'split', sites = 12 }", "training.rounds=2",
        "privacy.secure_aggregation={ protocol = 'secagg', groups = 3 }",
        "aggregation.rule=trimmed_mean", "aggregation.tolerate=1",
        "search.training.learning_rate=[0.02, 0.6]",
    ])  # fmt: skip
    assert (result.outcome, result.rounds) == ("completed", 4)
    assert from_text(chosen_of(result.folder).model, 32).hex() == result.model
    found = verify(result.folder)
    assert found.ok
    assert found.checked["sums"] == 1
