"""Models made so that sums give rows away: what they show, and that nobody gets to choose one."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from tests.commands import collegium, told
from tests.node.kit import PHASE, closed, document, town

from collegium.assembly import ownership
from collegium.assembly.parts import Parts
from collegium.assembly.preparation import prepare
from collegium.audit.verify import verify
from collegium.errors import StudyError
from collegium.federation.site import Site
from collegium.federation.validator import Validator
from collegium.learning.algorithms.layout import study_tensors
from collegium.learning.blobs import ModelState, decode_model
from collegium.learning.server import initial_state
from collegium.ledger.blobs import read_blob
from collegium.simulation.execution import run
from collegium.study.first_layer import about_first_layer, rows_alone
from collegium.study.reading import read_study
from collegium.threats.crafted import GRADINGS, craft, crafted, read_off, steer

MASKED = 'privacy.secure_aggregation={ protocol = "secagg" }'
WIDE = ("model.architecture=mlp", "model.hidden=[1024]", "training.batch_size=1000")
SHORT = (*WIDE, MASKED, "training.rounds=1", "evaluation.bootstrap=0")


def graded_first_model(parts: Parts) -> ModelState:
    """What an owner registers who wants rows."""
    flat = crafted(parts.spec, GRADINGS[0], parts.study.study.seed)
    return initial_state(
        study_tensors(parts.spec, parts.study), flat, parts.server,
        parts.study.aggregation.server,
    )  # fmt: skip


def test_a_crafted_first_model_shows_half_of_all_rows_in_one_masked_sum_and_is_named_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sites and validators that do not look, as they were: the attack as it was carried out."""
    monkeypatch.setattr(ownership, "first_model", graded_first_model)
    monkeypatch.setattr(Site, "_beginning", lambda *_, **__: "documented")
    monkeypatch.setattr(Validator, "_strange", lambda *_: False)
    done = run("heart", out=tmp_path / "run", changes=SHORT)
    prepared = prepare(read_study("heart", SHORT))
    spec, train = prepared.parts.spec, prepared.train
    start = crafted(spec, GRADINGS[0], prepared.study.study.seed)
    data = read_blob(done.folder / "blobs", bytes.fromhex(done.model))
    moved = decode_model(data or b"").parameters.astype(np.float64) - start
    weighted = sum(len(rows.y) for rows in train.values())  # near enough: quotients do not care
    shown = read_off(spec, np.rint(np.ldexp(moved * weighted, 12)).astype(np.int64), GRADINGS[0])
    rows = np.concatenate([one.x for one in train.values()])
    near = [np.square(shown - row).mean(axis=1).min() < 0.01 for row in rows]
    assert len(rows) == 486
    assert sum(near) > 200, "of one masked sum, and nobody's data were used for the model"
    found = verify(done.folder)
    named = [one for one in found.findings if one.code == "study.first-model"]
    assert [(one.severity, getattr(one.subject, "member", "")) for one in named] == [
        ("fault", "cleveland")
    ]
    assert "neither what the seed gives" in named[0].what


def test_sites_and_validators_send_nothing_to_a_first_model_that_somebody_chose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "first_model", graded_first_model)
    with town(tmp_path) as within:
        within.propose(document(*WIDE, MASKED, "training.rounds=1"))
        within.until(closed, seconds=3 * PHASE)
        status = within.view().status
        assert status is not None
        assert (status.outcome, status.closed_rounds) == ("failed", 0)
        for participants in within.members.values():
            assert participants.refused["heart"] == (
                "the first model is neither what the seed gives nor one that the document names",
            )


def test_validators_vote_for_nothing_that_began_with_a_chosen_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where every site was made to train on it."""
    monkeypatch.setattr(ownership, "first_model", graded_first_model)
    monkeypatch.setattr(Site, "_beginning", lambda *_, **__: "documented")
    done = run("heart", out=tmp_path / "run", changes=(*SHORT, "study.max_attempts=1"))
    assert done.outcome == "failed"


def test_one_hospital_of_four_steers_a_study_to_a_model_that_shows_the_others_rows() -> None:
    """What remains: a member's updates move the model, and masks hide who moved it."""
    prepared = prepare(read_study("heart", WIDE))
    found = steer(prepared.victim, prepared.parts.trainer, 1)
    assert found.rounds is not None
    assert found.rounds < 10
    assert (found.colluders, found.rows) == (1, 401)
    assert found.rebuilt > 150
    narrow = prepare(read_study("heart", (*WIDE, "model.hidden=[16]")))
    assert craft(narrow.victim, narrow.parts.trainer).rebuilt < 5
    assert steer(narrow.victim, narrow.parts.trainer, 1).rebuilt < 5
    for colluders in (0, 4):
        with pytest.raises(StudyError, match="colluders of 4 sites"):
            steer(prepared.victim, prepared.parts.trainer, colluders)


def test_as_many_rows_stand_alone_as_the_formula_says() -> None:
    rng, rows, units = np.random.default_rng(4), 500, 800
    places = rng.integers(0, units, (200, rows))
    alone = [np.sum(np.bincount(one, minlength=units) == 1) for one in places]
    assert rows_alone(rows, units) == pytest.approx(np.mean(alone), rel=0.02)


def test_check_tells_of_wide_layers_and_of_models_that_nobody_here_knows(tmp_path: Path) -> None:
    wide = read_study("heart", (*WIDE, MASKED)).study
    (told_,) = about_first_layer(wide, [199, 172, 30, 85])
    assert (told_.level, told_.code) == ("warning", "study.wide-first-layer")
    assert told_.parameters["alone"] == 302
    assert "Fewer than 78 units" in told_.text
    narrow = read_study("heart", (*WIDE, MASKED, "model.hidden=[77]")).study
    assert about_first_layer(narrow, [199, 172, 30, 85]) == ()
    text = collegium("check", "heart", *(f"--set={one}" for one in (*WIDE, MASKED)), cwd=tmp_path)
    assert "1024 units is wide for sums over 486 training rows" in text.stdout
    noised = 'privacy.differential_privacy={ unit="patient", epsilon=8.0, delta=1e-5 }'
    assert about_first_layer(read_study("heart", (*WIDE, MASKED, noised)).study, [486]) == ()


def test_the_attack_is_a_command(tmp_path: Path) -> None:
    sets = [f"--set={one}" for one in WIDE]
    found = told(collegium("bench", "crafted", "heart", *sets, "--json", cwd=tmp_path))
    assert found["rebuilt"] > 200
    text = collegium("bench", "crafted", "heart", *sets, "--colluders", "1", cwd=tmp_path).stdout
    assert "to which 1 site(s) steered in" in text
    refused = collegium("bench", "crafted", "heart", cwd=tmp_path)
    assert "choose architecture = 'mlp'" in refused.stderr


def test_a_study_begins_with_released_weights_that_its_document_and_its_sites_policies_name(
    tmp_path: Path,
) -> None:
    before = run("heart", out=tmp_path / "before", changes=["training.rounds=2"])
    weights = before.folder / "model" / "model.safetensors"
    digest = sha256(weights.read_bytes()).hexdigest()
    first = (
        f"model.first={{ weights = '{weights}', digest = '{digest}',"
        " origin = 'heart, two rounds' }"
    )
    done = run("heart", out=tmp_path / "after", changes=["training.rounds=1", first])
    found = verify(done.folder)
    assert found.ok
    assert not [one for one in found.findings if one.code == "study.first-model"]
    other = first.replace(digest, "0" * 64)
    with pytest.raises(StudyError, match="is another file"):
        prepare(read_study("heart", [other]))
    with pytest.raises(StudyError, match="needs the SHA-256"):
        read_study("heart", [first.replace(digest, "ab")])
    with town(tmp_path / "town") as within:
        within.propose(document(first))
        within.until(lambda view: view.phase == "setup")
        within.turn()
        (why,) = within.members["va"].refused["heart"]
        assert why == f"first_models does not allow {digest}, heart, two rounds"
