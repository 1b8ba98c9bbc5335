"""Who acts for a member: what its policy allows it to, as long as it does, and nobody else less."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from tests.cases import some_of
from tests.node.hostile import documents, registration
from tests.node.kit import OPEN, PATIENCE, PHASE, QUICK, Town, closed, document, town

from collegium.assembly.ownership import registration_of
from collegium.assembly.parts import find_parts, load_dataset
from collegium.errors import RunError
from collegium.federation.local_updates import Assignment, Encode, UpdateAuthor
from collegium.federation.owner import Owner
from collegium.federation.validator import Validator
from collegium.federation.view import StudyView
from collegium.learning.encoding import Units
from collegium.ledger.ordering import Ordered
from collegium.node.policy import Policy
from collegium.simulation.execution import run
from collegium.study.reading import read_study

ALL = ("cleveland", "hungarian", "switzerland", "va")
FORBIDDING = Policy(studies=("lung",), plain_updates=True)


def outcome(within: Town) -> tuple[str, int]:
    status = within.view().status
    assert status is not None
    return status.outcome, status.closed_rounds


def test_nodes_with_their_own_rows_come_to_the_model_of_the_simulation(tmp_path: Path) -> None:
    with town(tmp_path / "town") as within:
        within.propose(document())
        view = within.until(closed)
        model, bundle = view.model.hex(), view.status and view.status.bundle
    simulated = run("heart", out=tmp_path / "run", changes=list(QUICK))
    assert model == simulated.model
    assert isinstance(bundle, str), "the owner has released it"
    assert (tmp_path / "town" / "cleveland" / "released" / "heart" / "card.md").is_file()


def test_a_member_whose_policy_forbids_a_study_takes_no_part_and_the_others_go_on(
    tmp_path: Path,
) -> None:
    with town(tmp_path, {"va": FORBIDDING}) as within:
        within.propose(document())
        within.until(closed, seconds=3 * PHASE)
        assert outcome(within) == ("completed", 2)
        assert within.view().acceptance("va") is None
        assert list(within.members["va"].refused) == ["heart"], "and it still says why"


def test_the_reasons_of_a_refusal_are_told_while_the_study_goes_on(tmp_path: Path) -> None:
    with town(tmp_path, {"va": FORBIDDING}) as within:
        within.propose(document())
        within.until(
            lambda view: view.phase == "setup" and view.acceptance("hungarian") is not None
        )
        within.turn()
        (why,) = within.members["va"].refused["heart"]
        assert why.startswith("studies does not allow 'heart', document ")
        assert within.members["hungarian"].refused == {}


def test_where_everybody_is_needed_a_forbidden_study_is_given_up_after_long_patience(
    tmp_path: Path,
) -> None:
    with town(tmp_path, {"va": FORBIDDING}) as within:
        within.propose(document("study.attendance=all"))
        within.until(lambda view: view.acceptance("hungarian") is not None)
        while within.clock.now < PATIENCE - 1:
            within.turn()
            assert within.view().phase == "setup"
            within.clock.now += PHASE
        within.until(closed, seconds=3 * PHASE)
        assert outcome(within) == ("failed", 0)


def test_nobody_is_late_in_a_study_where_what_is_due_was_kept_back(tmp_path: Path) -> None:
    with town(tmp_path) as within:
        within.propose(document("training.rounds=3"))
        within.until(lambda view: view.number == 2)
        within.clock.held_up = frozenset({"heart"})
        with pytest.raises(AssertionError, match="rests"):
            within.until(lambda view: view.number == 3, "va", seconds=10 * PHASE)
        assert within.view().number == 2
        within.clock.held_up = frozenset({"lung"})
        within.until(lambda view: view.number == 3, "va", seconds=20 * PHASE)


def test_a_validator_validates_what_its_site_refuses(tmp_path: Path) -> None:
    with town(tmp_path, dict.fromkeys(ALL[2:], FORBIDDING)) as within:
        within.propose(document("study.min_sites=2"))
        within.until(closed, seconds=3 * PHASE)
        assert outcome(within) == ("completed", 2), "three of four votes are needed"


def test_whoever_does_not_score_on_its_rows_takes_no_part_in_a_study_with_scores(
    tmp_path: Path,
) -> None:
    silent = msgspec.structs.replace(OPEN, scores=False)
    scored = ("aggregation.rule=zeno", "aggregation.tolerate=1", "aggregation.scores={}")
    with town(tmp_path, {"va": silent}) as within:
        within.propose(document(*scored))
        within.until(closed, seconds=20 * PHASE)
        assert outcome(within) == ("completed", 2)
        (why,) = within.members["va"].refused["heart"]
        assert why.endswith("(scores = false)")
        names = [
            name for name, _ in within.engine.application.state.items(("studies", "heart", "sites"))
        ]
        assert "va" not in names


def test_who_is_switched_off_says_nothing_and_is_heard_again_when_switched_on(
    tmp_path: Path,
) -> None:
    with town(tmp_path) as within:
        within.propose(document("training.rounds=6"))
        within.until(lambda view: view.number == 2)
        within.policies["va"] = msgspec.structs.replace(OPEN, enabled=False)
        assert within.members["va"].due(within.policies["va"]) == []
        within.until(lambda view: view.number == 4, seconds=20 * PHASE)
        assert within.members["va"].due(within.policies["va"]) == []
        within.policies["va"] = OPEN
        within.until(closed, seconds=3 * PHASE)
        assert outcome(within) == ("completed", 6)
        assert "va" in [
            name for name, _ in within.engine.application.state.items(("studies", "heart", "sites"))
        ]


def test_a_policy_that_changes_in_a_study_stops_the_site_at_once(tmp_path: Path) -> None:
    with town(tmp_path) as within:
        within.propose(document("training.rounds=6"))
        within.until(lambda view: view.number == 2 and view.phase == "commit")
        within.policies["va"] = FORBIDDING
        within.turn()
        assert "heart" in within.members["va"].refused
        within.until(closed, seconds=40 * PHASE)
        assert outcome(within) == ("completed", 6)


def test_a_site_without_rows_says_so_and_takes_part_once_they_are_there(tmp_path: Path) -> None:
    with town(tmp_path) as within:
        path = within.home("va") / "rows.csv"
        text = path.read_text()
        path.write_text(text.replace("present", "perhaps", 1))
        within.propose(document("training.rounds=6"))
        within.until(lambda view: view.number == 1, seconds=3 * PHASE)
        (why,) = within.members["va"].refused["heart"]
        assert "[data.value]" in why
        path.write_text(text)
        within.clock.now += 60
        within.turn()
        assert within.members["va"].refused == {}
        within.until(closed, seconds=3 * PHASE)
        assert within.rejected["refused"] == 0


def test_a_site_takes_no_further_part_with_other_rows(tmp_path: Path) -> None:
    with town(tmp_path) as within:
        within.propose(document("training.rounds=6"))
        within.until(lambda view: view.number == 2 and view.phase == "commit")
        path = within.home("va") / "rows.csv"
        text = path.read_text()
        path.write_text(text.replace("present", "absent", 1))
        within.policies["va"] = msgspec.structs.replace(OPEN, minimum_rows=2)  # it looks again
        within.turn()
        (why,) = within.members["va"].refused["heart"]
        assert why.startswith("these are not the rows with which the site accepted the study")
        path.write_text(text)
        within.until(closed, seconds=40 * PHASE)
        assert outcome(within) == ("completed", 6)


def test_an_acceptance_that_is_still_on_its_way_binds_the_rows_too(tmp_path: Path) -> None:
    with town(tmp_path) as within:
        within.propose(document())
        within.until(lambda view: view.registration is not None)
        (sent,) = within.members["va"].due(OPEN)  # and the node ends before anybody has it
        path = within.home("va") / "rows.csv"
        text = path.read_text()
        path.write_text(text.replace("present", "absent", 1))
        again = within.restarted("va")
        assert again.due(OPEN) == []
        (why,) = again.refused["heart"]
        assert why.startswith("these are not the rows with which the site accepted the study")
        path.write_text(text)
        assert within.restarted("va").due(OPEN) == [sent]


class Failing:
    """Makes no update in one round."""

    def __init__(self, honest: UpdateAuthor, number: int) -> None:
        self.honest, self.number = honest, number

    def update(self, work: Assignment) -> Units:
        if work.round == self.number:
            raise RunError("run.worker", "it", "the worker has ended", "start it again")
        return self.honest.update(work)


def test_why_a_site_sends_nothing_is_an_error_as_long_as_the_round_is_open(tmp_path: Path) -> None:
    with town(tmp_path) as within:
        within.propose(document("training.rounds=3"))
        within.until(lambda view: view.number == 1)
        site = within.members["va"]._enrolments["heart"].site
        assert site is not None
        site.author = Failing(site.author, 2)
        within.until(lambda view: view.number == 2 and view.phase == "commit")
        within.turn()
        told = {"heart": (2, "the worker has ended; start it again")}
        assert within.members["va"].troubles == told
        within.until(lambda view: view.number == 3, seconds=20 * PHASE)
        within.turn()
        assert within.members["va"].troubles == {}


class FarReaching:
    """Makes updates that reach farther than a round has room for, in some coordinates."""

    def __init__(self, honest: UpdateAuthor, coordinates: int) -> None:
        self.honest, self.coordinates = honest, coordinates

    def update(self, work: Assignment) -> Units:
        made = self.honest.update(work).astype(np.float64) / 2.0**work.exponent
        if work.round == 2:
            made[: self.coordinates] = 1e9
        return Encode(None).apply(made, work)


@pytest.mark.parametrize("design", [(), ("privacy.secure_aggregation={}",)])
def test_a_site_is_told_whose_update_was_cut_off(tmp_path: Path, design: tuple[str, ...]) -> None:
    with town(tmp_path) as within:
        within.propose(document("training.rounds=3", *design))
        within.until(lambda view: view.number == 1)
        site = within.members["va"]._enrolments["heart"].site
        assert site is not None
        site.author = FarReaching(site.author, 5)
        within.until(lambda view: view.number == 3)
        assert within.members["va"].clipped == {"heart": {2: 5}}
        assert within.members["cleveland"].clipped == {}


def test_a_forbidden_study_reads_no_row(tmp_path: Path) -> None:
    with town(tmp_path, {"va": FORBIDDING}) as within:
        (within.home("va") / "rows.csv").unlink()
        within.propose(document())
        within.until(lambda view: view.acceptance("hungarian") is not None)
        within.turn()
        (why,) = within.members["va"].refused["heart"]
        assert "studies does not allow" in why


def test_too_few_rows_are_an_objection(tmp_path: Path) -> None:
    policy = msgspec.structs.replace(OPEN, minimum_rows=1000)
    with town(tmp_path, {"va": policy}) as within:
        within.propose(document())
        within.until(lambda view: view.acceptance("hungarian") is not None)
        within.turn()
        (why,) = within.members["va"].refused["heart"]
        assert "fewer than 1000 training rows" in why
        assert within.view().acceptance("va") is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (document().replace('engine = "log"', 'engine = "solo"'), "names the engine 'solo'"),
        (
            document().replace('engine = "log"', 'engine = "solo"')
            + '[threat]\nattack = "silent_site"\n',
            "it has a [threat]",
        ),
        (document('data.partition={by="split",sites=5}'), "the study is for 5 sites"),
        (document().replace("logistic", "logistik"), "logistik"),
        ("[study", "not TOML"),
    ],
)
def test_a_document_that_cannot_be_a_study_here_is_not_registered_and_told(
    tmp_path: Path, text: str, told: str
) -> None:
    with town(tmp_path) as within:
        within.propose(text)
        for _ in range(3):
            within.turn()
        assert within.view().phase == "absent"
        assert told in within.members["cleveland"].proposals.faults["heart.toml"]
        within.propose(document())  # and repaired, while the node runs
        within.until(closed)
        assert within.members["cleveland"].proposals.faults == {}


def test_updates_are_retired_after_a_while_where_a_member_says_so(tmp_path: Path) -> None:
    with town(tmp_path) as within:
        within.propose(document())
        for name in ALL[:2]:
            within.keep_updates_for(name, 0.0)
        within.keep_updates_for("switzerland", 3600.0)
        within.until(closed)
        within.turn()
        within.turn()
        retired = {name for name in (*ALL, "*") if within.view().retirement.is_retired(name)}
        assert retired == {"cleveland", "hungarian"}, "each its own, after its own time"
        within.keep_updates_for("switzerland", 0.0)
        within.turn()
        assert within.view().retirement.is_retired("*"), (
            "a quorum of validators retires everybody's"
        )


def test_who_does_not_own_studies_registers_none(tmp_path: Path) -> None:
    with town(tmp_path) as within:
        within.propose(document(), owner="va")
        for _ in range(3):
            assert within.turn() == 0
        assert within.view().phase == "absent"


def test_an_id_that_is_taken_by_another_document_is_told(tmp_path: Path) -> None:
    with town(tmp_path) as within:
        within.propose(document())
        within.until(closed)
        within.propose(document("training.rounds=3"), name="again.toml")
        within.turn()
        faults = within.members["cleveland"].proposals.faults
        assert list(faults) == ["again.toml"]
        assert "a study of its id is registered" in faults["again.toml"]


def test_a_member_begins_anew_after_losing_everything_but_its_home(tmp_path: Path) -> None:
    """What a SIGKILL takes is in memory: participants are made anew before every turn."""
    with town(tmp_path / "one") as within:
        within.propose(document())
        for _ in range(300):
            if within.view().phase == "closed":
                break
            for participants in within.members.values():
                participants._enrolments.clear()
            within.turn()
        model = within.view().model
    with town(tmp_path / "two") as within:
        within.propose(document())
        assert within.until(closed).model == model


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("consensus.engine=solo", "it names the engine 'solo'"),
        ("threat.attack=silent_site", "it has a [threat]"),
        ("faults.dropout=0.25", "it has faults.dropout"),
        ("faults.traps=0.25", "it has faults.traps"),
    ],
)
def test_what_belongs_to_simulations_is_refused_whoever_registers_it(
    tmp_path: Path, change: str, told: str
) -> None:
    study = read_study("heart", [*QUICK, "consensus.engine=solo", change]).study
    with town(tmp_path) as within:
        parts = find_parts(study, load_dataset("uci_heart"))
        terms = registration_of(parts, ALL, bytes(32))
        acting = within.acting["cleveland"]
        owner = Owner(acting.identity, acting.blobs("heart"), study, terms, lambda _, __: bytes(32))
        within.engine.submit(owner.reconcile(within.view(), idle=False))
        within.turn()
        for participants in within.members.values():
            assert any(told in why for why in participants.refused["heart"])
        within.until(closed, seconds=3 * PHASE)
        assert outcome(within) == ("failed", 0), "and its history ends"


def test_a_registration_that_contradicts_its_document_is_refused(tmp_path: Path) -> None:
    study = read_study("heart", [*QUICK, "consensus.engine=log"]).study
    with town(tmp_path) as within:
        parts = find_parts(study, load_dataset("uci_heart"))
        terms = replace(registration_of(parts, ALL, bytes(32)), rule="median@1")
        acting = within.acting["cleveland"]
        owner = Owner(acting.identity, acting.blobs("heart"), study, terms, lambda _, __: bytes(32))
        within.engine.submit(owner.reconcile(within.view(), idle=False))
        within.turn()
        assert within.members["va"].refused["heart"] == (
            "rule is registered as 'median', and the document says 'fedavg'",
        )


def test_no_registration_stops_a_node_or_another_study(tmp_path: Path) -> None:
    with town(tmp_path) as within:
        cleveland = within.acting["cleveland"]
        for name, data in documents().items():
            named = b"\x11" * 32 if data is None else cleveland.blobs(name).publish(data)
            (outcome_,) = within.engine.submit(
                [registration(cleveland.identity, name, named, bytes(32))]
            )
            assert isinstance(outcome_, Ordered), (name, outcome_)
        within.propose(document())
        within.until(closed, seconds=20 * PHASE)
        assert outcome(within) == ("completed", 2)
        for name in documents():
            view = within.until(closed, study=name, seconds=20 * PHASE)
            assert view.status is not None
            assert view.status.outcome == "failed", "timers end what nobody computes"
        for participants in within.members.values():
            assert participants.stopped == {}, "each is seen through before anything fails"
            assert set(participants.refused) == set(documents()) - {"absent"}


@pytest.mark.parametrize(
    "error",
    some_of({"memory": MemoryError(), "depth": RecursionError("deep"), "ours": KeyError("x")},
            "memory"),
)  # fmt: skip
def test_what_fails_in_one_study_stops_that_study_on_that_node_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(self: Validator, view: StudyView, *, idle: bool) -> list[bytes]:
        if view.study == "broken" and self.name == "va (validator)":
            raise error
        return reconcile(self, view, idle=idle)

    reconcile = Validator.reconcile
    monkeypatch.setattr(Validator, "reconcile", fails)
    with town(tmp_path) as within:
        within.propose(document().replace('id = "heart"', 'id = "broken"'), name="broken.toml")
        within.propose(document())
        within.until(closed, seconds=20 * PHASE)
        assert outcome(within) == ("completed", 2)
        assert list(within.members["va"].stopped) == ["broken"]
        assert within.members["va"].stopped["broken"].startswith(type(error).__name__)
        assert within.members["hungarian"].stopped == {}
        view = within.until(closed, study="broken", seconds=20 * PHASE)
        assert view.status is not None
        assert view.status.outcome == "completed", "a quorum goes on without it"
        assert within.restarted("va").stopped == {}
