"""An attempt is the same from the contract's state and from the log's entries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.data.tabular.cohorts import write_study
from tests.federation.kit import step

from collegium.assembly.preparation import prepare
from collegium.audit.gathering import frozen, gather
from collegium.audit.history import read_history
from collegium.errors import PluginError
from collegium.federation.view import StudyView
from collegium.ledger.application import AcceptedTransaction
from collegium.ledger.contract.results import ModelResult, Result
from collegium.ledger.contract.series import EVALUATION, MOST_ROUNDS, SET_UP
from collegium.resolving.attempt import Attempt, with_fields
from collegium.resolving.reading import attempt_in
from collegium.simulation.consortium import build
from collegium.study.reading import read_study

SHORT = ("training.rounds=2", "evaluation.bootstrap=0")
TEN = ("aggregation.rule=trimmed_mean", "aggregation.tolerate=1")


def secure(protocol: str, **fields: object) -> str:
    said = ", ".join(f"{key} = {one!r}" for key, one in {"protocol": protocol, **fields}.items())
    return f"privacy.secure_aggregation={{ {said} }}"


PRIVATE = "privacy.differential_privacy={ unit = 'patient', epsilon = 8.0, delta = 1e-5 }"
STUDIES = {
    "plain": ("heart",),
    "dropping out": ("heart10", "faults.dropout=0.2"),
    "scored": ("heart", "aggregation.rule=zeno", "aggregation.scores={}"),
    "secagg": ("heart10", secure("secagg"), "faults.dropout=0.1"),
    "secagg_plus": ("heart10", secure("secagg_plus", degree=4)),
    "threshold_he": ("heart", secure("threshold_he", threshold=3)),
    "grouped": (
        "heart10", *TEN, secure("secagg", groups=3, threshold=3, sum_check="pedersen"),
        "study.min_sites=6", "faults.dropout=0.1",
    ),
    "a search": ("heart", "search.training.learning_rate=[0.02, 0.6]", "search.validation=0.25"),
    "sums of tables": ("a table", secure("secagg")),
    "privacy": ("heart", PRIVATE),
    "a part of an update": (
        "heart", "aggregation.compression={ method = 'random_k', keep = 0.5, feedback = false }",
    ),
}  # fmt: skip


@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES)
def test_state_and_log_say_the_same_after_every_block(
    tmp_path: Path, study: tuple[str, ...]
) -> None:
    name, *changes = study
    source = write_study(tmp_path) if name == "a table" else name
    prepared = prepare(read_study(source, [*SHORT, *changes]))
    seen: set[tuple[int, int, str]] = set()
    ended: set[Result] = set()
    folder = tmp_path / "run"
    folder.mkdir()
    within, quiet = build(prepared, folder, lambda text: None), False
    try:
        for _ in range(400):
            view = within.view()
            if view.phase == "closed":
                break
            _compare(folder, view, seen, ended)
            quiet = not any(
                isinstance(one, AcceptedTransaction) for one in step(within, idle=quiet)
            )
    finally:
        within.close(complete=True)
    assert view.phase == "closed"
    assert {type(vote) for vote in ended} == {ModelResult}
    phases = {phase for number, _, phase in seen if number < MOST_ROUNDS}
    assert phases >= {"commit", "reveal", "available", "vote"}
    secret = any("secure_aggregation" in one for one in changes)
    assert ((EVALUATION, 1, "vote") in seen) == secret, "test rows are counted as a sum"
    assert ((SET_UP + 2, 1, "vote") in seen) == (name == "a table")


def _compare(
    folder: Path,
    view: StudyView,
    seen: set[tuple[int, int, str]],
    ended: set[Result],
) -> None:
    """Compare the open attempt and the last closed one, as far as state tells of them."""
    history = read_history((folder / "ledger.log").read_bytes())
    study_histories, _ = gather(history.said)
    for number in {view.number if view.round is not None else 0, view.closed_rounds} - {0}:
        found = attempt_in(view._state, view.study, number)
        if found is None:
            continue
        study_history = study_histories[view.study]
        said = study_history.at(number, found.place.attempt)
        told = frozen(study_history, said)
        assert found == told
        assert list(found.weights) == list(found.included)
        seen.add((number, found.place.attempt, view.phase))
        ended.update(said.votes.values())


def test_a_field_that_an_attempt_lacks_is_told_as_the_mechanism_s_mistake() -> None:
    nothing: Any = None
    empty = Attempt(nothing, nothing, b"", 0, 32, 0, {}, {})
    with pytest.raises(PluginError, match=r"'words', which an attempt .*plugin\.failed"):
        with_fields(empty, {"words": {}})
    assert with_fields(empty, {"said": {"words": {}}}).said == {"words": {}}
