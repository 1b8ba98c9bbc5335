"""Studies with differential privacy, run and verified: budgets, attempts, resuming, evidence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace as Namespace

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.audit.forging import forged, read_transcript, simulated_keys

from collegium.accounting.orders import MICRO
from collegium.accounting.terms import PrivacyTerms, affordable_rounds, spent_after
from collegium.assembly.preparation import prepare
from collegium.assembly.privacy import check_privacy
from collegium.audit.history import read_history
from collegium.audit.verify import verify
from collegium.canonical import from_text
from collegium.data.table import SiteRows
from collegium.errors import StudyError
from collegium.federation.participant import Participant
from collegium.federation.view import StudyView
from collegium.learning.blobs import decode_update
from collegium.learning.evaluation.statement import decode_statement
from collegium.ledger.contract.declared import part_of, together
from collegium.ledger.contract.events import RoundOpened
from collegium.ledger.contract.transactions import EvaluationPost, StudyRegister, UpdateReveal
from collegium.measuring.result import RunResult
from collegium.mechanisms.privacy.checking import check_budgets
from collegium.mechanisms.privacy.terms import Charged, Within
from collegium.simulation.execution import run
from collegium.study.privacy import privacy_terms
from collegium.study.reading import parse_study, read_study
from collegium.threats.attack import AdversaryContext

SEED = 43
SHORT = ("evaluation.bootstrap=0",)


def settings(**changes: object) -> str:
    usual: dict[str, object] = {"unit": "patient", "epsilon": 8.0, "delta": 1e-5, **changes}
    written = ", ".join(f"{key} = {value!r}" for key, value in usual.items())
    return f"privacy.differential_privacy={{{written}}}"


def carried_out(folder: Path, *changes: str, rounds: int = 3, **privacy: object) -> RunResult:
    study = [*SHORT, settings(**privacy), f"training.rounds={rounds}", *changes]
    return run("heart", out=folder, changes=study)


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("private") / "run"
    carried_out(folder)
    return folder


def said(folder: Path, kind: type) -> list[tuple[str, object]]:
    history = read_history((folder / "ledger.log").read_bytes())
    return [(one.sender, one.transaction) for one in history.said
            if isinstance(one.transaction, kind)]  # fmt: skip


def blob(folder: Path, name: str) -> bytes:
    return (folder / "blobs" / from_text(name, 32).hex()).read_bytes()


def test_a_private_study_is_carried_out_and_its_budgets_are_recomputed(private: Path) -> None:
    found = verify(private)
    assert found.ok
    assert found.checked["budgets"] == 4
    assert found.levels == {"recomputed": 3}
    study = read_study(private / "study.toml").study
    ((_, registered),) = said(private, StudyRegister)
    assert isinstance(registered, StudyRegister)
    assert part_of(registered.terms, PrivacyTerms) == privacy_terms(study)


def test_what_was_spent_is_told_with_its_unit(tmp_path: Path) -> None:
    result = carried_out(tmp_path / "run")
    assert result.spending is not None
    terms = privacy_terms(result.study)
    assert terms is not None
    assert result.spending.epsilon == spent_after(terms, 3) / MICRO <= 8
    assert (result.spending.unit, result.spending.delta) == ("patient", 1e-5)
    assert result.spending.rounds == dict.fromkeys(result.spending.spent, 3)


def test_the_size_and_the_statement_leave_with_noise_and_no_own_model_is_told(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "run"
    carried_out(folder, rounds=1, epsilon=0.5)
    prepared = prepare(read_study(folder / "study.toml"))
    told = {}
    for site, post in said(folder, EvaluationPost):
        assert isinstance(post, EvaluationPost)
        assert post.local is msgspec.UNSET
        told[site] = decode_statement(blob(folder, post.federated)).rows
    true = {name: len(rows.y) for name, rows in prepared.test.items()}
    assert told.keys() == true.keys()
    differing = sum(told[name] != true[name] for name in true)
    assert differing >= 2, "noise may add up to nothing now and then"


def test_the_updates_are_those_of_dp_sgd(private: Path, tmp_path: Path) -> None:
    """Noise of the promised size is in them: far from what the same study does without."""
    plain = run("heart", out=tmp_path / "run", changes=[*SHORT, "training.rounds=1"])
    assert plain.outcome == "completed"

    def first(folder: Path) -> dict[str, NDArray[np.float64]]:
        found = {}
        for site, reveal in said(folder, UpdateReveal):
            assert isinstance(reveal, UpdateReveal)
            if reveal.round == 1:
                values, exponent = decode_update(blob(folder, reveal.digest))
                found[site] = values.units / 2.0**exponent
        return found

    noised, bare = first(private), first(tmp_path / "run")
    # Ten steps at rate 0.2 of noise z C / (q n), with z = 0.73 and some 30 patients.
    apart = np.linalg.norm(noised["switzerland"] - bare["switzerland"])
    assert 0.2 < apart < 2.0


def test_a_study_whose_budget_ends_is_completed_with_the_model_it_has(tmp_path: Path) -> None:
    result = carried_out(tmp_path / "run", rounds=30, noise_multiplier=0.7)
    assert result.outcome == "completed"
    assert 1 <= result.rounds < 30
    assert result.measured.federated is not None
    assert result.spending is not None
    assert result.spending.epsilon <= 8
    found = verify(tmp_path / "run")
    assert found.ok
    assert found.complete
    assert [one.code for one in found.findings] == ["privacy.exhausted"]


def test_a_second_attempt_sends_the_same_bytes(tmp_path: Path) -> None:
    """A site that drops out makes an attempt fail; what was sent before is sent again."""
    result = carried_out(
        tmp_path / "run", "threat.attack=withheld_reveal", 'threat.attackers=["va"]',
        "study.min_sites=4", "study.max_attempts=3", "threat.rounds=[1]", rounds=1,
    )  # fmt: skip
    assert result.outcome == "failed"
    sent: dict[str, set[str]] = {}
    attempts = set()
    for site, reveal in said(tmp_path / "run", UpdateReveal):
        assert isinstance(reveal, UpdateReveal)
        sent.setdefault(site, set()).add(reveal.digest)
        attempts.add(reveal.attempt)
    assert attempts == {1, 2, 3}
    assert {len(digests) for digests in sent.values()} == {1}
    assert verify(tmp_path / "run").checked["budgets"] == 4


@pytest.mark.parametrize("hide", ["charge", "budget", "noise"])
def test_an_overdrawn_budget_is_found_whoever_agreed_to_hide_it(
    private: Path, tmp_path: Path, hide: str
) -> None:
    """Whoever holds all keys registers charges that are too small, and all sites agree."""
    data = (private / "ledger.log").read_bytes()
    transcript = read_transcript(data)
    index = next(
        i for i, entry in enumerate(transcript.entries)
        if entry.payload["kind"] == "study.register"
    )  # fmt: skip
    payload = json.loads(json.dumps(transcript.entries[index].payload))
    private_terms = payload["terms"]["privacy"]
    if hide == "charge":
        private_terms["charge"] = [one // 10 for one in private_terms["charge"]]
    else:
        private_terms[hide] *= 2
    target = tmp_path / "run"
    (target / "blobs").parent.mkdir()
    (target / "blobs").symlink_to(private / "blobs")
    (target / "ledger.log").write_bytes(
        forged(transcript, index, payload, simulated_keys(transcript, SEED))
    )
    found = verify(target)
    codes = {one.code for one in found.findings if one.severity == "error"}
    assert not found.ok
    assert "study.registration" in codes
    assert ("privacy.spent" in codes) == (hide == "charge")


def test_more_rounds_than_the_budget_allows_are_found() -> None:
    """The contract refuses such a round: this is said of a ledger whose contract did not."""
    study = read_study("heart", [*SHORT, settings(noise_multiplier=0.7), "training.rounds=3"]).study
    terms = privacy_terms(study)
    assert terms is not None
    rounds = affordable_rounds(terms, 100)
    for count, expected in ((rounds, []), (rounds + 1, ["privacy.overdrawn"])):
        opened = [
            Namespace(
                attempt=1,
                round=k,
                participants=("va",),
                parts=together("opened", [Charged(spent=(spent_after(terms, k),))]),
            )
            for k in range(1, count + 1)
        ]
        study_history = Namespace(
            attempts={(one.round, 1): Namespace(opened=one) for one in opened},
            accepted={"va": None}, of=lambda kind: kind(), registration=Namespace(study="heart"),
        )  # fmt: skip
        _, findings = check_budgets(study_history, study)  # type: ignore[arg-type]
        assert [one.code for one in findings] == expected


def refused_over(train_person: int, test_person: int, unit: str) -> str:
    """What is refused of two rows of two persons each, numbered from a first one on."""
    study = read_study("heart", [settings(unit=unit)]).study
    prepared = prepare(read_study("heart", [settings()]))
    rows = prepared.train["va"]

    def of(*persons: int) -> SiteRows:
        return replace(rows, x=rows.x[:3], y=rows.y[:3], person=np.array(persons))

    cut = [(of(train_person, 2, 3), of(test_person, 8, 9))]
    try:
        check_privacy(study, prepared.parts.spec, prepared.parts.trainer, cut)
    except StudyError as error:
        return f"{error.what}: {error.todo} [{error.code}]"
    return ""


def test_rows_are_no_unit_where_a_person_has_several() -> None:
    assert refused_over(1, 7, "record") == ""
    assert refused_over(2, 7, "patient") == ""
    assert "3 rows of 2 persons" in refused_over(2, 7, "record")
    assert 'set unit = "patient" [study.combination]' in refused_over(2, 7, "record")


def test_nobody_may_be_in_both_parts() -> None:
    assert "both its training and its test part" in refused_over(1, 3, "patient")


def test_an_interrupted_run_goes_on_to_the_same_end(private: Path, tmp_path: Path) -> None:
    class Stops:
        def __init__(self, honest: Participant) -> None:
            self.name, self.honest = honest.name, honest

        def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
            if view.number == 2 and view.phase == "reveal":
                raise KeyboardInterrupt
            return self.honest.reconcile(view, idle=idle)

    def stopping(participant: Participant, place: AdversaryContext) -> Participant:
        return Stops(participant) if participant.name == "va (site)" else participant

    text = (private / "study.toml").read_text("utf-8")
    study = parse_study(text, "study.toml").study
    with pytest.raises(KeyboardInterrupt):
        run(study, out=tmp_path / "run", substitute=stopping)
    result = run(study, out=tmp_path / "run", resume=True)
    assert verify(tmp_path / "run").model == verify(private).model == result.model


CLIENTS = ("aggregation.weights=equal", "aggregation.exponent=9", "training.rounds=2")


@pytest.mark.parametrize("mechanism", ["local", "central"])
def test_whole_sites_are_protected_by_noise_on_their_updates(
    tmp_path: Path, mechanism: str
) -> None:
    folder = tmp_path / "run"
    wanted = settings(unit="client", mechanism=mechanism, epsilon=20.0)
    result = run("heart", out=folder, changes=[*SHORT, wanted, *CLIENTS])
    found = verify(folder)
    assert (found.ok, found.levels, found.checked["budgets"]) == (True, {"recomputed": 2}, 4)
    assert result.spending is not None
    assert (result.spending.unit, result.spending.evaluation) == ("client", 0.0)
    terms = privacy_terms(result.study)
    assert terms is not None
    bound, parts = 2**9, 1 if mechanism == "local" else 3  # two thirds of four, rounded up
    values = []
    for _, reveal in said(folder, UpdateReveal):
        assert isinstance(reveal, UpdateReveal)
        one, exponent = decode_update(blob(folder, reveal.digest))
        assert exponent == 9
        values.append(one.units.astype(float))
    spread = terms.noise / MICRO * bound / np.sqrt(parts)
    assert np.std(values) == pytest.approx(spread, rel=0.25)
    for _, post in said(folder, EvaluationPost):
        assert isinstance(post, EvaluationPost)
        assert decode_statement(blob(folder, post.federated)).withheld == "all"


def test_noise_of_whole_sites_is_distributed_under_secure_aggregation(tmp_path: Path) -> None:
    """Nobody sees a single update, and the sum is the one that plain updates would have."""
    wanted = "differential_privacy={unit='client', mechanism='central', epsilon=50.0, delta=1e-5}"
    chosen_of = {"plain": f"privacy={{{wanted}}}"}
    for name in ("secagg", "threshold_he"):
        secret = f"secure_aggregation={{protocol='{name}'}}"
        chosen_of[name] = f"privacy={{{secret}, {wanted}}}"
    models = set()
    for name, chosen in chosen_of.items():
        folder = tmp_path / name
        changes = [*SHORT, chosen, *CLIENTS, "study.max_attempts=1", "study.min_sites=3"]
        result = run("heart", out=folder, changes=changes)
        found = verify(folder)
        assert (found.ok, found.checked["budgets"]) == (True, 4)
        models.add(result.model)
    assert len(models) == 1


FOLLOWING = (
    "study.max_attempts=1", "study.min_sites=3", "aggregation.weights=equal",
    "aggregation.exponent=13", "training.rounds=8",
)  # fmt: skip


def following(folder: Path, *, secret: bool) -> RunResult:
    dp = (
        "differential_privacy={unit='client', mechanism='central', epsilon=200.0, delta=1e-5,"
        " clipping='adaptive', clip=0.05}"
    )
    masks = "secure_aggregation={protocol='secagg'}, " if secret else ""
    return run("heart", out=folder, changes=[*SHORT, f"privacy={{{masks}{dp}}}", *FOLLOWING])


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("followed") / "run"
    following(folder, secret=False)
    return folder


def test_a_clip_follows_the_updates_and_the_exponent_follows_the_clip(followed: Path) -> None:
    """From a twentieth, which is too short for any site's step, it grows by an eighth an octave."""
    found = verify(followed)
    assert (found.ok, found.levels, found.checked["budgets"]) == (True, {"recomputed": 8}, 4)
    history = read_history((followed / "ledger.log").read_bytes())
    opened = [event for one in history.said for event in one.events
              if isinstance(event, RoundOpened)]  # fmt: skip
    charged = [part_of(event.parts, Charged) for event in opened]
    clips = [one.clip for one in charged if one is not None and isinstance(one.clip, int)]
    assert len(clips) == len(opened)
    assert clips[0] == -35  # 2^(-35/8) = 0.048
    assert clips[-1] > clips[0] + 3
    octaves = {event.exponent + clip // 8 for event, clip in zip(opened, clips, strict=True)}
    assert octaves == {13 - 5}
    assert found.privacy[0].clips == tuple(2.0 ** (k / 8) for k in clips)


def test_a_clip_follows_masked_updates_to_the_same_model(followed: Path, tmp_path: Path) -> None:
    result = following(tmp_path / "run", secret=True)
    found = verify(tmp_path / "run")
    assert found.ok
    assert result.model == verify(followed).model
    assert found.privacy[0].clips == verify(followed).privacy[0].clips


@pytest.mark.parametrize("secret", [False, True])
def test_a_share_within_the_clip_that_nobody_told_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, secret: bool
) -> None:
    """All validators agree to keep the clip low: they vote that more updates are within it."""

    def lying(*, within: int) -> Within:
        return Within(within=10_000)

    with monkeypatch.context() as patched:
        patched.setattr("collegium.mechanisms.privacy.resolving.Within", lying)
        following(tmp_path / "run", secret=secret)
    found = verify(tmp_path / "run")
    assert not found.ok
    assert [one.code for one in found.findings if one.severity == "error"] == ["round.model"] * 8
    assert "within the clip" in found.findings[0].what or "indicators" in found.findings[0].what
