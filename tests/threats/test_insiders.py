"""Drills for insiders: a stolen key, and a release that is not what the study came to.

An operator with every key is in the demonstration (tests/cli/test_demo.py), the loss of half of
the members in tests/operations/test_successor.py.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from tests.federation.kit import consortium, identity_of, rotate, step, until

from collegium.audit.trust import policy_root
from collegium.audit.verify import verify
from collegium.canonical import to_text
from collegium.ledger.contract.results import Failure, ModelResult
from collegium.ledger.contract.transactions import Expel, MemberPropose, MemberVote, RoundVote
from collegium.ledger.ordering import Ordered, Refused
from collegium.simulation.execution import run


def test_a_thief_of_a_key_can_vote_and_cannot_decide(tmp_path: Path) -> None:
    """One stolen validator's key is one voice of four."""
    with consortium(tmp_path) as within:
        until(within, "vote", 1)
        thief = identity_of(within, "va")
        forged = to_text(sha256(b"the thief's model").digest())
        at = {"study": "heart", "round": 1, "attempt": 1, "result": ModelResult(model=forged)}
        (outcome,) = within.engine.submit([thief.sign(RoundVote, **at)])
        assert isinstance(outcome, Ordered)
        step(within)
        view = until(within, "commit", 2)
        assert to_text(view.model) != forged


def test_a_thief_cannot_expel_anybody_alone(tmp_path: Path) -> None:
    with consortium(tmp_path) as within:
        until(within, "commit", 1)
        thief, proposal = identity_of(within, "va"), to_text(bytes(16))
        within.engine.submit(
            [
                thief.sign(MemberPropose, proposal=proposal, action=Expel(member="cleveland")),
                thief.sign(MemberVote, proposal=proposal, approve=True),
            ]
        )
        assert "cleveland" in until(within, "commit", 2).validators


def test_once_the_key_is_replaced_the_thief_can_say_nothing_and_history_still_verifies(
    tmp_path: Path,
) -> None:
    with consortium(tmp_path) as within:
        until(within, "vote", 1)
        thief = identity_of(within, "va")
        step(within)  # among others, va itself votes in round 1 with the key that was stolen
        rotate(within, "va")
        at = {"study": "heart", "round": 2, "attempt": 1, "result": Failure(reason="unavailable")}
        (outcome,) = within.engine.submit([thief.sign(RoundVote, **at)])
        assert isinstance(outcome, Refused)
        assert outcome.code == "unknown-member"
    told = verify(tmp_path, partial=True)
    assert told.ok
    assert told.checked["votes"] >= 3


def test_what_a_thief_says_is_laid_at_its_victims_door(tmp_path: Path) -> None:
    """A ledger cannot tell them apart: that is why a theft is to be told at once."""
    with consortium(tmp_path) as within:
        until(within, "vote", 1)
        forged = to_text(sha256(b"the thief's model").digest())
        at = {"study": "heart", "round": 1, "attempt": 1, "result": ModelResult(model=forged)}
        within.engine.submit([identity_of(within, "va").sign(RoundVote, **at)])
        until(within, "commit", 2)
    told = verify(tmp_path, partial=True)
    assert [one.what.split()[0] for one in told.findings if one.code == "validator.outvoted"] == [
        "va"
    ]


@pytest.mark.parametrize("name", ["model.safetensors", "card.md"])
def test_a_compromised_release_is_caught_by_its_digest(tmp_path: Path, name: str) -> None:
    """Another model under a valid name: the folder's digest is on the ledger."""
    run("heart", out=tmp_path / "run", changes=["training.rounds=1", "evaluation.bootstrap=0"])
    path = tmp_path / "run" / "model" / name
    if name == "card.md":
        path.write_text("better than it is")
    else:
        weights = bytearray(path.read_bytes())
        weights[-1] ^= 0x80  # the last parameter's sign
        path.write_bytes(bytes(weights))
    found = verify(tmp_path / "run", trust=policy_root(tmp_path / "run" / "policy.json"))
    assert not found.ok
    assert "bundle.altered" in {one.code for one in found.findings}
