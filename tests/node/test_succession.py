"""A study that began on a lost ledger is registered on the successor, and runs to its end there.

The homes are the same, and so are the study's id and its document: whatever a member had kept for
the old ledger is not said on the new one, where it would be refused, and nothing is said twice.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from tests.cases import some_of
from tests.data.tabular.cohorts import write_study
from tests.node.kit import PHASE, Town, closed, document, town
from tests.node.live import live, rounds

from collegium.canonical import to_text
from collegium.federation.view import StudyView
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.transactions import kind_of, natural_key
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.final import NAME as FINAL
from collegium.ledger.genesis import Genesis, Predecessor, encode_genesis, genesis_digest
from collegium.ledger.ordering import LEDGER
from collegium.mechanisms.scores.terms import ScoreReveal
from collegium.network.plan import planned, tables_by_site
from collegium.node.config import DataSource
from collegium.node.home import GENESIS
from collegium.node.succession import end_of, succeed
from collegium.node.templates import policy_text
from collegium.simulation.execution import run

SCORED = ("aggregation.rule=zeno", "aggregation.tolerate=1", "aggregation.scores={}")
MASKED = ('privacy.secure_aggregation={ protocol = "secagg" }',)
MOMENTUM = ("training.site_momentum=0.9",)
ZERO = to_text(bytes(32))
NO_MATTER = Predecessor(block=ZERO, genesis=ZERO, root=ZERO, size=1)
HARMLESS = {"already", "early", "stale"}
"""What a refusal may say of a word that came too late, or too soon, on its own ledger."""


def within_round(phase: str, number: int) -> Callable[[StudyView], bool]:
    """Say whether a phase of a round is open."""
    return lambda view: (view.phase, view.number) == (phase, number)


def in_phase(phase: str) -> Callable[[StudyView], bool]:
    """Say whether a phase is open."""
    return lambda view: view.phase == phase


@dataclass(frozen=True)
class Case:
    """A study, and where the old ledger is lost: after the turn that follows `lost`."""

    changes: tuple[str, ...]
    lost: Callable[[StudyView], bool]
    said: str


CASES = {
    "votes": Case((), within_round("vote", 2), "round.vote"),
    "evaluations": Case((), in_phase("evaluation"), "evaluation.post"),
    "all of it": Case((), closed, "study.close"),
    "scores committed to": Case(SCORED, within_round("score.commit", 1), "score.commit"),
    "scores": Case(SCORED, within_round("score.reveal", 2), "score.reveal"),
    "masked": Case(MASKED, within_round("share", 2), "share.post"),
    "momentum": Case(MOMENTUM, within_round("reveal", 2), "update.reveal"),
}


SCORED_PHASES = {name: name for name in ("reveal", "score.commit", "score.reveal", "vote")}


def successor(of: Genesis, end: Predecessor = NO_MATTER) -> Genesis:
    """A genesis of the same members that goes on after a ledger's end."""
    return msgspec.structs.replace(of, chain="successor", succeeds=end)


def kinds(within: Town) -> Counter[str]:
    """How many transactions of each kind were said."""
    return Counter(kind_of(decode_transaction(decode_envelope(one).payload)) for one in within.said)


def contradictions(within: Town) -> list[tuple[str, ...]]:
    """Natural keys under which some key has signed two things."""
    said: dict[tuple[str, ...], set[bytes]] = {}
    for data in within.said:
        envelope = decode_envelope(data)
        key = natural_key(decode_transaction(envelope.payload))
        said.setdefault((envelope.key_id.hex(), *key), set()).add(data)
    return [key for key, words in said.items() if len(words) > 1]


def check_ended(within: Town, study: str) -> str:
    """Check that a study ran to its end, nobody was refused, and nobody said two things."""
    view = within.until(closed, seconds=20 * PHASE, study=study)
    assert view.status is not None
    assert view.status.outcome == "completed"
    assert within.rejected.keys() <= HARMLESS
    assert contradictions(within) == []
    return view.model.hex()


@pytest.mark.parametrize("case", some_of(CASES, "votes", "masked"))
def test_what_the_old_ledger_s_outbox_holds_is_not_said_again(tmp_path: Path, case: Case) -> None:
    text = document(*case.changes)
    with town(tmp_path / "town") as before:
        before.propose(text)
        before.until(case.lost, seconds=20 * PHASE)
        before.turn()
        assert kinds(before)[case.said] > 0
        genesis = before.genesis
    with town(tmp_path / "town", succeeding=successor(genesis)) as after:
        model = check_ended(after, "heart")
    with town(tmp_path / "fresh") as undisturbed:
        undisturbed.propose(text)
        assert check_ended(undisturbed, "heart") == model
        assert kinds(undisturbed) == kinds(after)


@pytest.mark.parametrize(
    "phase", ["statistics.vote", pytest.param("commit", marks=pytest.mark.long)]
)
def test_nor_what_was_said_of_tables(tmp_path: Path, phase: str) -> None:
    prepared = planned(write_study(tmp_path / "study"), None, ())
    text, source = prepared.read.text, DataSource(csv="table.csv")

    def bring(within: Town) -> None:
        for name, table in tables_by_site(prepared).items():
            (within.home(name) / "table.csv").write_text(table)
        within.propose(text, name="cohort.toml")

    with town(tmp_path / "town", source=source) as before:
        bring(before)
        before.until(in_phase(phase), seconds=20 * PHASE, study="cohort")
        before.turn()
        assert kinds(before)["statistics.vote"] > 0
        genesis = before.genesis
    with town(tmp_path / "town", succeeding=successor(genesis), source=source) as after:
        model = check_ended(after, "cohort")
    with town(tmp_path / "fresh", source=source) as undisturbed:
        bring(undisturbed)
        assert check_ended(undisturbed, "cohort") == model


@pytest.mark.parametrize("phase", some_of(SCORED_PHASES, "score.reveal", "vote"))
def test_on_its_own_ledger_a_restarted_node_says_the_same_again(tmp_path: Path, phase: str) -> None:
    with town(tmp_path) as within:
        within.propose(document(*SCORED))
        within.until(within_round(phase, 1))
        said = 0
        for name, participants in within.members.items():
            first = participants.due(within.policies[name])
            assert within.restarted(name).due(within.policies[name]) == first
            said += len(first)
        assert said > 0


def scores(within: Town) -> list[tuple[int, tuple[int, ...]]]:
    """All scores that were told, with their rounds."""
    told = (decode_transaction(decode_envelope(one).payload) for one in within.said)
    return sorted({(one.round, one.scores) for one in told if isinstance(one, ScoreReveal)})


@pytest.mark.long
def test_another_study_of_the_same_id_gets_scores_of_its_own(tmp_path: Path) -> None:
    other = document(*SCORED, "training.learning_rate=0.01")
    with town(tmp_path / "town") as before:
        before.propose(document(*SCORED))
        before.until(closed, seconds=20 * PHASE)
    with town(tmp_path / "town", succeeding=successor(before.genesis)) as after:
        after.propose(other)
        model = check_ended(after, "heart")
    with town(tmp_path / "fresh") as undisturbed:
        undisturbed.propose(other)
        assert check_ended(undisturbed, "heart") == model
    assert scores(undisturbed) == scores(after) != scores(before)


@pytest.mark.long
def test_nodes_whose_homes_succeed_run_every_study_of_a_home_to_its_end(tmp_path: Path) -> None:
    folder = tmp_path / "live"
    changes = ("training.rounds=3", "evaluation.bootstrap=0", "study.attendance=all")
    with live(folder) as before:
        for member in before.genesis.members:
            text = policy_text(["*"], plain_updates=True)
            (folder / member.id / "policy.toml").write_text(text)
        (folder / "cleveland" / "studies" / "heart.toml").write_text(document(*changes))
        (folder / "cleveland" / "studies" / "second.toml").write_text(
            document(*changes, "study.id=second", "study.seed=7")
        )
        before.until(lambda status: rounds(status) >= 2)
    for name in ("released/heart/card.md", "orders/1.json"):
        (folder / "va" / name).parent.mkdir(parents=True)
        (folder / "va" / name).write_text("of the old ledger")
    homes = [folder / member.id for member in before.genesis.members]
    for home in homes:
        (home / GENESIS).write_bytes(encode_genesis(before.genesis))
    ends = {home: end_of(home) for home in homes}
    best = max(homes, key=lambda home: ends[home].size)
    for home in homes:
        if ends[home] != ends[best]:  # it was behind; docs/operations/successor.md
            for name in (LEDGER, FINAL):
                shutil.copyfile(best / name, home / name)
    genesis = successor(before.genesis, ends[best])
    (tmp_path / GENESIS).write_bytes(encode_genesis(genesis))
    for home in homes:
        assert succeed(home, tmp_path / GENESIS, lambda: None) == ends[best]
    past = folder / "va" / "past" / genesis_digest(encode_genesis(before.genesis)).hex()
    for name in ("released/heart/card.md", "orders/1.json"):
        assert (past / name).read_text() == "of the old ledger"
        assert not (folder / "va" / name).exists()
    with live(folder, genesis) as after:
        after.until(
            lambda status: (
                len(status.studies) == 2
                and all(one.phase == "closed" for one in status.studies)
                and status.size == status.final_size
            )
        )
        for node in after.nodes.values():
            assert [one.outcome for one in node.status.studies] == ["completed"] * 2
            assert node.status.rejected == ()
            assert set(node.status.refusals) <= HARMLESS
            assert (node.status.errors, node.status.equivocations) == ({}, ())
        (model,) = {node.status.studies[0].model for node in after.nodes.values()}
    assert model == run("heart", out=tmp_path / "run", changes=list(changes)).model
