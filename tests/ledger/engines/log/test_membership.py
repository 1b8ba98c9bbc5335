"""Blocks that change keys and members are judged by those whom they find, not whom they make."""

from __future__ import annotations

from tests.ledger.contract.kit import envelope, key_of, member
from tests.ledger.contract.moves import TERMS, proposal_id
from tests.ledger.contract.test_governance import rotation
from tests.ledger.engines.log.kit import MEMBERS, Consortium, Wire

from collegium.canonical import from_text
from collegium.ledger.contract.transactions import (
    Action,
    Admit,
    Expel,
    MemberPropose,
    MemberVote,
    StudyRegister,
)
from collegium.ledger.ordering import Ordered
from collegium.ledger.validators import validator_set_of


def decide(us: Consortium, action: Action, by: list[str], live: list[str]) -> None:
    """Propose a change and vote for it; the last vote's block, which makes it, is not stepped."""
    proposal = proposal_id("change")
    said = [envelope(us.world, by[0], MemberPropose, proposal=proposal, action=action)]
    said += [envelope(us.world, who, MemberVote, proposal=proposal, approve=True) for who in by]
    for one in said[:-1]:
        assert isinstance(us.wires[by[0]].submit([one])[0], Ordered)
        us.step(live)
    assert isinstance(us.wires[by[0]].submit([said[-1]])[0], Ordered)


def test_a_rotation_is_cosigned_with_the_old_key_and_what_follows_with_the_new_one(
    us: Consortium,
) -> None:
    decide(us, rotation(us.world, "bo", "bo, later"), ["ada", "bo", "cy"], list(MEMBERS))
    us.world.keys["bo, later"] = key_of("bo, later")
    us.connect(None, ["di"])  # so that bo's cosignature is needed
    us.step(["ada", "bo", "cy"])
    size = us.sequencers[0].copy.size
    assert us.sizes()["bo"] == (size, size)
    judges = us.sequencers[0].copy.judges
    assert judges.key_of("bo") == key_of("bo").public
    assert "bo" in judges.cosigners(us.sequencers[0].copy.final_note or "")

    us.wires["ada"].submit([us.registration("one")])
    us.step(["ada", "bo", "cy"])
    assert us.sizes()["bo"] == (size + 1, size + 1)
    assert us.sequencers[0].copy.judges.key_of("bo") == key_of("bo, later").public


def test_a_member_that_threw_its_old_key_away_lets_others_cosign_its_rotation(
    us: Consortium,
) -> None:
    us.world.keys["bo, later"] = key_of("bo, later")
    decide(us, rotation(us.world, "bo", "bo, later"), ["ada", "bo", "cy"], list(MEMBERS))
    del us.world.keys["bo"]
    us.step()
    assert us.settled("bo")
    note = us.sequencers[0].copy.final_note or ""
    assert set(us.sequencers[0].copy.judges.cosigners(note)) == {"ada", "cy", "di"}
    us.connect(None, ["di"])
    us.wires["ada"].submit([us.registration("one")])
    us.step(["ada", "bo", "cy"])
    assert us.settled("ada"), "the new key counts from the next block on"


def test_a_rotated_key_does_not_cosign_what_follows(us: Consortium) -> None:
    decide(us, rotation(us.world, "bo", "bo, later"), ["ada", "bo", "cy"], list(MEMBERS))
    us.step()
    us.connect(None, ["di"])
    us.wires["ada"].submit([us.registration("one")])
    us.step(["ada", "bo", "cy"])
    assert not us.settled("ada")
    assert us.replicas["bo"].witness.waiting_for


def test_the_expelled_still_judges_the_block_that_expels_it_and_nothing_after(
    us: Consortium,
) -> None:
    decide(us, Expel("di"), ["ada", "bo", "cy"], list(MEMBERS))
    us.connect(None, ["bo"])
    assert "di" in us.sequencers[0].served
    us.step(["ada", "cy"])
    assert not us.settled("ada"), "two of four are not enough"
    us.step(["di", "ada", "cy"])
    assert us.settled("ada")
    assert "di" not in us.sequencers[0].served

    three = {**TERMS, "study": "one", "sites": ("ada", "bo", "cy"), "per_round": 3}
    us.wires["ada"].submit([envelope(us.world, "ada", StudyRegister, **three)])
    us.step(["di"])
    us.step(["ada", "cy"])
    assert not us.settled("ada"), "two of three are not more than two thirds"
    us.connect(us.sequencers[0], ["bo"])
    us.step(["bo", "ada", "cy"])
    assert us.settled("ada")


def admit_eve(us: Consortium) -> None:
    decide(us, Admit(member("eve")), ["ada", "bo", "cy"], list(MEMBERS))
    us.step()
    us.world.keys["eve"] = key_of("eve")


def test_a_new_member_catches_up_before_it_cosigns(us: Consortium) -> None:
    admit_eve(us)
    size = us.sequencers[0].copy.size
    us.wires["eve"] = Wire("eve", us.sequencers[0])
    us.start("eve")
    us.connect(None, ["di"])
    us.wires["ada"].submit([us.registration("one")])
    us.step(["ada", "bo", "cy"])
    assert not us.settled("ada"), "three of five are not enough"
    us.step(["eve", "ada"], rounds=5)
    assert us.sizes()["eve"] == us.sizes()["ada"] == (size + 1, size + 1)
    note = us.sequencers[0].copy.final_note or ""
    assert "eve" in us.sequencers[0].copy.judges.cosigners(note)


def test_who_judges_follows_from_the_state_before(us: Consortium) -> None:
    admit_eve(us)
    copy = us.replicas["ada"].copy
    assert "eve" not in copy.judges.powers
    now = validator_set_of(copy.ledger.state, us.world.identity)
    assert now.powers["eve"] == 1
    assert now.key_of("eve") == from_text(member("eve").key, 32)
    assert now.key_of("nobody") is None


def test_a_site_without_a_vote_follows_and_does_not_cosign(us: Consortium) -> None:
    site = member("eve", power=0, roles=("site",))
    decide(us, Admit(site), ["ada", "bo", "cy"], list(MEMBERS))
    us.step()
    us.world.keys["eve"] = key_of("eve")
    us.wires["eve"] = Wire("eve", us.sequencers[0])
    us.start("eve")
    us.settle("one")
    us.step(["eve"])
    assert us.settled("eve")
    assert us.sizes()["eve"] == us.sizes()["ada"]
