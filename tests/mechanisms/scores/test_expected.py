"""Searches against rules that are given scores: attackers guess what validators will say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.mechanisms.scores.kit import scored

from collegium.assembly.preparation import Prepared, prepare
from collegium.audit.verify import verify
from collegium.federation.local_trainers import Float32
from collegium.federation.local_updates import Assignment
from collegium.learning.aggregation.scores import CombinedScores, Scores
from collegium.learning.aggregation.updates import Contribution
from collegium.learning.encoding import Units
from collegium.learning.models import size
from collegium.mechanisms.scores.expected import Expected, SurrogateValidators, imagined
from collegium.mechanisms.scores.simulated import LedgerlessScores
from collegium.mechanisms.scores.terms import ScoreTerms
from collegium.mechanisms.scores.threats import TAILORED_BALLOT_STUFFING
from collegium.simulation.execution import run
from collegium.simulation.ledgerless import run_without_ledger
from collegium.simulation.seam import Simulation
from collegium.study.reading import read_study
from collegium.threats.adversary_view import AdversaryView, Defence
from collegium.threats.poisoning import Poisoning, Target
from collegium.threats.searching import TAILORED

SHORT = ["training.rounds=4", "evaluation.bootstrap=0", "training.local_epochs=3"]
RULES = {
    "zeno": ["aggregation.rule=zeno", "aggregation.scores={}"],
    "fltrust": ["aggregation.rule=fltrust", 'aggregation.scores={ by = "direction" }'],
    "committee_median": ["aggregation.rule=committee_median", "aggregation.scores={}"],
    "reputation_weighted": [
        "aggregation.rule=reputation_weighted", "aggregation.tolerate=0", "aggregation.scores={}",
    ],
}  # fmt: skip
SEARCHES = ("opt_alie", "opt_ipm", "tailored")
BAD = ("cleveland-1", "hungarian-1")


def attacked(rule: str, attack: str, *changes: str) -> Prepared:
    named = ", ".join(f'"{name}"' for name in BAD)
    threat = f'threat={{ attack = "{attack}", attackers = [{named}] }}'
    return prepare(read_study("heart10-robust", [*SHORT, *RULES[rule], threat, *changes]))


def judges_of(prepared: Prepared, attackers: tuple[str, ...] = BAD) -> SurrogateValidators:
    """What attackers imagine who have nothing but their own rows."""
    rows = {name: prepared.train[name] for name in attackers}
    parts, defence = prepared.parts, Defence(prepared.parts.rule, 1)
    target = Target(
        prepared.study, parts.spec, parts.trainer, defence, rows, attackers,
        tuple(prepared.validators),
    )  # fmt: skip
    found = imagined(target, None)
    assert found is not None
    return found


class Guessing(LedgerlessScores):
    """Keeps what its attackers would have expected beside what validators said."""

    judges: SurrogateValidators
    told: list[tuple[Scores, CombinedScores]]

    def fixes(
        self, work: Assignment, sent: Mapping[str, Contribution]
    ) -> Mapping[str, Any]:  # fmt: skip
        updates: dict[str, Units] = {name: one.units for name, one in sent.items()}
        expected = Expected(self.judges, work).scores(updates)
        true = super().fixes(work, sent)
        assert expected is not None
        self.told.append((expected, true["scores"]))
        return true


def guessed(prepared: Prepared, judges: SurrogateValidators) -> list[tuple[Scores, CombinedScores]]:
    def guessing(within: Simulation, terms: ScoreTerms) -> Guessing:
        book = Guessing(within, terms)
        book.judges, book.told = judges, []
        return book

    return scored(prepared, guessing)[0].told


@pytest.mark.parametrize("rule", ["zeno", "fltrust"])
def test_what_attackers_expect_goes_with_what_validators_say(rule: str) -> None:
    prepared = attacked(rule, "gaussian")
    told = guessed(prepared, judges_of(prepared))
    expected = np.array([one.values for one, _ in told], float)
    true = np.array([one.values for _, one in told], float)
    honest = [at for at, name in enumerate(prepared.sites) if name not in BAD]
    assert np.corrcoef(expected[:, honest].ravel(), true[:, honest].ravel())[0, 1] > 0.5
    assert (expected != true).any(), "and it is a guess"


def test_whoever_is_all_validators_knows_every_score() -> None:
    prepared = attacked("zeno", "gaussian", "consensus.validators=2")
    for expected, true in guessed(prepared, judges_of(prepared, tuple(prepared.validators))):
        assert expected.values == pytest.approx(true.values, abs=1)


def test_attackers_know_their_own_validators_rows_and_imagine_the_others_from_theirs() -> None:
    prepared = attacked("zeno", "gaussian")
    book, _ = scored(prepared, LedgerlessScores)
    judges, ours = judges_of(prepared), judges_of(prepared).rows
    assert set(judges.roots.rows) == set(prepared.validators)
    for name, rows in judges.roots.rows.items():
        if name in BAD:
            assert np.array_equal(rows.x, book.within.reserved["scores"].rows[name].x)
        assert {row.tobytes() for row in rows.x} <= {row.tobytes() for row in ours.x}


def crafted(rule: str, attack: str) -> list[tuple[float, float, float]]:
    """The harm that attackers expect in each round of what they send, and of honesty; no search."""
    prepared, seen = attacked(rule, attack), []
    searching = prepared.attack
    assert isinstance(searching, Poisoning)

    def craft(scene: AdversaryView) -> Units:
        sent = searching.craft(scene)
        formula = scene.alike(-2.0 * scene.mean)
        seen.append((scene.harm(sent), scene.harm(scene.own), scene.harm(formula)))
        return sent

    run_without_ledger(replace(prepared, attack=replace(searching, craft=craft)))
    return seen


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("attack", SEARCHES)
def test_a_search_expects_more_harm_of_what_it_sends(rule: str, attack: str) -> None:
    found = crafted(rule, attack)
    assert len(found) == 4
    assert sum(sent for sent, _, _ in found) > sum(honest for _, honest, _ in found)
    if attack == "opt_ipm":
        assert all(sent >= formula for sent, _, formula in found)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("attack", SEARCHES)
def test_a_search_makes_another_model_and_always_the_same(rule: str, attack: str) -> None:
    prepared = attacked(rule, attack)
    once = run_without_ledger(prepared).digest
    assert once == run_without_ledger(prepared).digest
    assert once != run_without_ledger(replace(prepared, attack=None)).digest


@pytest.mark.parametrize("rule", ["fltrust", "reputation_weighted"])
def test_a_run_under_attack_verifies_and_comes_to_what_is_rehearsed(
    rule: str, tmp_path: Path
) -> None:
    prepared = attacked(rule, "tailored", "training.rounds=2")
    changes = [*SHORT, *RULES[rule], "training.rounds=2"]
    threat = f'threat={{ attack = "tailored", attackers = ["{BAD[0]}", "{BAD[1]}"] }}'
    result = run("heart10-robust", out=tmp_path / "run", changes=[*changes, threat])
    found = verify(result.folder)
    assert found.ok
    assert dict(found.levels) == {"recomputed_given_scores": 2}
    assert run_without_ledger(prepared).digest.hex() == result.model


def test_attackers_count_on_their_own_lies() -> None:
    prepared = attacked("committee_median", "tailored_ballot_stuffing")
    judges = replace(judges_of(prepared), lie=TAILORED_BALLOT_STUFFING.lie)
    start = prepared_start(prepared)
    work = Assignment(1, 11, ("a", *BAD), (1, 1, 1), b"", start, 3, lambda: None)
    zeros = np.zeros(start.size, np.int16)
    updates = dict.fromkeys(work.participants, zeros)
    for expecting in (judges_of(prepared), judges):
        found = Expected(expecting, work).scores(updates)
        assert found is not None
        assert found.values == (0, 0, 0), "two liars of ten change no score of nothing"
    few = replace(judges, places={name: judges.places[name] for name in (*BAD, "va-1")})
    captured = Expected(few, work).scores(updates)
    assert captured is not None
    assert captured.values[0] < 0 < min(captured.values[1:])


def prepared_start(prepared: Prepared) -> Float32:
    return np.zeros(size(prepared.parts.spec), np.float32)


def test_a_guess_has_to_be_granted() -> None:
    prepared = attacked("zeno", "opt_ipm")
    searching = prepared.attack
    assert isinstance(searching, Poisoning)
    grant = replace(searching.grant, knowledge=("own", "rule", "honest"))
    with pytest.raises(LookupError, match="guessed"):
        run_without_ledger(replace(prepared, attack=replace(searching, grant=grant)))


def test_lies_take_nothing_from_what_a_search_is_granted() -> None:
    assert TAILORED_BALLOT_STUFFING.craft is TAILORED.craft
    assert "guessed" in TAILORED.grant.knowledge
    assert "messages" in TAILORED_BALLOT_STUFFING.grant.capability
