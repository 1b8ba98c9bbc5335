"""What lies and statistics can do: to a median, to honest outliers, to small committees."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.mechanisms.scores.kit import scored

from collegium.assembly.preparation import Prepared, prepare
from collegium.audit.verify import verify
from collegium.benchmark.trial import right_of
from collegium.canonical import to_text
from collegium.federation.participant import Participant
from collegium.ledger.contract.transactions import MemberPropose, MemberVote
from collegium.mechanisms.scores.reputations import value_of
from collegium.mechanisms.scores.simulated import LedgerlessScores
from collegium.mechanisms.scores.terms import UNIT, Restore, ScoreReveal
from collegium.simulation.execution import run
from collegium.simulation.ledgerless import LedgerlessRun
from collegium.study.reading import read_study
from collegium.threats.attack import AdversaryContext, TamperingParticipant, Twist, said

SHORT = ["evaluation.bootstrap=0"]
WEIGHTED = [
    "aggregation.rule=reputation_weighted",
    "aggregation.scores={ demote = 0.3, threshold = 0.0 }",
]
COMMITTEE = ["aggregation.rule=committee_median", "aggregation.scores={ threshold = -0.1 }"]


def rehearsed(
    preset: str, *changes: str, kind: type[LedgerlessScores] = LedgerlessScores
) -> LedgerlessScores:
    return _rehearsed(preset, *changes, kind=kind)[0]


def _rehearsed(
    preset: str, *changes: str, kind: type[LedgerlessScores] = LedgerlessScores
) -> tuple[LedgerlessScores, Prepared, LedgerlessRun]:
    prepared = prepare(read_study(preset, [*SHORT, *changes]))
    book, ended = scored(prepared, kind)
    return book, prepared, ended


class SlashingBook(LedgerlessScores):
    """A mutant of the contract: whom scores demote takes part no more."""

    def weighs(self, weights: Mapping[str, int]) -> dict[str, int]:
        weighed = super().weighs(weights)
        gone = set().union(*self.demoted)
        return {name: one for name, one in weighed.items() if name not in gone}


def test_statistical_slashing_excludes_an_honest_hospital() -> None:
    # Nobody attacks. Switzerland has few healthy patients, so its updates help nobody else.
    book, _, _ = _rehearsed(
        "heart", "training.rounds=6", "study.min_sites=1", *WEIGHTED, kind=SlashingBook
    )
    assert "switzerland" in book.demoted[-1]
    assert "switzerland" not in book.combined[-1], "it lost its part in the study for its patients"


def test_the_contract_lets_the_same_hospital_take_part(tmp_path: Path) -> None:
    changes = [*SHORT, "training.rounds=6", *WEIGHTED]
    result = run("heart", out=tmp_path / "run", changes=changes)
    found = verify(result.folder)
    assert found.ok
    (scoring,) = found.scorings
    demoted = {one.site for one in scoring.standings if one.change == "demoted"}
    assert "switzerland" in demoted, "its statistics are as bad as under the mutant"
    assert all("switzerland" in one.scores for one in scoring.rounds), "and it takes part in all"
    assert {one.loses for one in scoring.standings if one.change == "demoted"} == {"weight"}


def test_members_restore_it(tmp_path: Path) -> None:
    proposal = to_text(bytes(range(16)))

    def appeal(place: AdversaryContext, view: object, due: list[bytes]) -> list[bytes]:
        """Propose in round 2, and vote for it, once each."""
        number = getattr(view, "number", 0)
        if number != 2 or place.identity.member in asked:
            return due
        asked.add(place.identity.member)
        action = Restore(member="switzerland", study="heart")
        vote = place.identity.sign(MemberVote, approve=True, proposal=proposal)
        if len(asked) > 1:
            return [*due, vote]
        return [*due, place.identity.sign(MemberPropose, action=action, proposal=proposal), vote]

    asked: set[str] = set()
    twist: Twist = appeal

    def substitute(participant: Participant, place: AdversaryContext) -> Participant:
        judge = participant.name.endswith("(validator)")
        return TamperingParticipant(participant, place, twist) if judge else participant

    result = run(
        "heart", out=tmp_path / "run", changes=[*SHORT, "training.rounds=6", *WEIGHTED],
        substitute=substitute,
    )  # fmt: skip
    (scoring,) = verify(result.folder).scorings
    told = [(one.change, one.round) for one in scoring.standings if one.site == "switzerland"]
    assert told == [("demoted", 1), ("restored", 1)], "in round 2, and never again"


def test_scores_take_idleness_for_merit() -> None:
    threat = 'threat={ attack = "free_rider", attackers = ["va-1", "cleveland-2"] }'
    changes = ["aggregation.rule=reputation_weighted", "aggregation.tolerate=0",
               "aggregation.scores={}", threat]  # fmt: skip
    book = rehearsed("heart10-robust", *changes)
    prepared = book.within.prepared
    idle = set(prepared.attackers)
    values = {name: value_of(book.reputation(name)) for name in prepared.sites}
    others = [value for name, value in values.items() if name not in idle]
    assert min(values[name] for name in idle) > 0.8 * UNIT > sum(others) / len(others)


@pytest.mark.parametrize(("liars", "excluded"), [(4, 0.0), (5, 1.0)])
def test_badmouthing_breaks_a_median_at_half_of_the_validators(liars: int, excluded: float) -> None:
    threat = f'threat={{ attack = "badmouthing_validator", attackers = {liars} }}'
    book = rehearsed("heart10", "training.rounds=2", *COMMITTEE, threat)
    attackers = set(book.within.prepared.attackers)
    told = [
        score < -0.1 * 2**20
        for scores in book.combined
        for name, score in scores.items()
        if name not in attackers
    ]
    assert sum(told) / len(told) == pytest.approx(excluded, abs=0.1)


def test_a_small_committee_is_captured_and_a_larger_one_is_not() -> None:
    # Two bad sites of ten: of three validators they are a majority, of ten they are not.
    threat = 'threat={ attack = "ballot_stuffing", attackers = ["cleveland-1", "cleveland-2"] }'

    def accuracy(validators: int) -> float:
        size = f"consensus.validators={validators}"
        _, prepared, ended = _rehearsed("heart10", "training.rounds=6", *COMMITTEE, size, threat)
        honest = [name for name in prepared.sites if name not in prepared.attackers]
        counts = right_of(prepared, ended, honest, "test").values()
        return sum(right for right, _ in counts) / sum(rows for _, rows in counts)

    notices = prepare(
        read_study("heart10", [*SHORT, *COMMITTEE, "consensus.validators=3", threat])
    ).notices
    assert "study.capturable-committee" in {one.code for one in notices}
    notices = prepare(read_study("heart10", [*SHORT, *COMMITTEE, threat])).notices
    assert "study.capturable-committee" not in {one.code for one in notices}
    assert accuracy(3) < 0.6 < accuracy(10)


@pytest.mark.long
def test_four_of_ten_that_lie_and_search_do_more_harm_than_four_that_search() -> None:
    def right(attack: str) -> float:
        bad = '"cleveland-1", "cleveland-2", "hungarian-1", "va-1"'
        threat = f'threat={{ attack = "{attack}", attackers = [{bad}] }}'
        changes = ["aggregation.rule=committee_median", "aggregation.tolerate=4",
                   "aggregation.scores={}", threat]  # fmt: skip
        _, prepared, ended = _rehearsed("heart10-robust", *changes)
        honest = [name for name in prepared.sites if name not in prepared.attackers]
        counts = right_of(prepared, ended, honest, "test").values()
        return sum(right for right, _ in counts) / sum(rows for _, rows in counts)

    assert right("tailored_ballot_stuffing") < right("tailored") - 0.02


def test_a_validator_that_withholds_its_scores_is_named(tmp_path: Path) -> None:
    def withhold(place: AdversaryContext, view: object, due: list[bytes]) -> list[bytes]:
        return [one for one in due if not isinstance(said(one), ScoreReveal)]

    def substitute(participant: Participant, place: AdversaryContext) -> Participant:
        liar = participant.name == "va (validator)"
        return TamperingParticipant(participant, place, withhold) if liar else participant

    changes = [*SHORT, "training.rounds=2", *WEIGHTED]
    result = run("heart", out=tmp_path / "run", changes=changes, substitute=substitute)
    assert result.outcome == "completed"
    found = verify(result.folder)
    assert found.ok
    named = {(one.code, one.what.split()[0]) for one in found.findings if one.severity == "fault"}
    assert named == {("validator.withheld-scores", "va")}


def test_a_silent_validator_is_named_for_its_scores_too(tmp_path: Path) -> None:
    changes = [*SHORT, "training.rounds=1", *WEIGHTED, "threat.attack=silent_validator"]
    found = verify(run("heart", out=tmp_path / "run", changes=changes).folder)
    assert found.ok
    assert "validator.unscored" in {one.code for one in found.findings}
