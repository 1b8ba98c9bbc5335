"""A member whose word is lost: it cosigns nothing that could contradict what it has cosigned.

What it had cosigned is a block that nobody else has seen; its home is restored without anything of
that, and whoever orders shows it the old history and another block in its place.
"""

from __future__ import annotations

import pytest
from tests.ledger.contract.kit import four_equals, member, refusal, say, world_of
from tests.ledger.engines.log.kit import Consortium

from collegium.errors import RunError
from collegium.ledger.contract.transactions import MemberReturn
from collegium.ledger.engines.log.replica import open_replica
from collegium.ledger.engines.log.sequencer import Sequencer
from collegium.ledger.engines.log.witness import DOUBTS, RETURNS
from collegium.ledger.ordering import Ordered, Refused

OTHERS = ("ada", "bo", "cy")
HOUR = 3600


def cosigned_in_vain(us: Consortium, studies: int = 2) -> Sequencer:
    """Let di alone cosign a block after so many; return a sequencer that does not have it."""
    us.settle(*(f"study{number}" for number in range(studies)))
    us.copied("sequencer", "forked")
    us.connect(None, OTHERS)
    us.wires["di"].submit([us.registration("lost", "di")])
    us.step(["di"])
    assert us.replicas["di"].witness.last is not None
    us.connect(None)
    forked = us.sequencer("forked")
    us.connect(forked, OTHERS)
    us.step(OTHERS)
    return forked


def restored(us: Consortium, *, ledger: bool = False) -> None:
    """Start di as its home is after a restore: without its word, with or without a ledger."""
    us.replicas.pop("di").copy.close()
    for name in ("cosigned",) if ledger else ("cosigned", "ledger.log", "final"):
        (us.home("di") / name).unlink()
    for path in us.home("di").glob("*snapshot*"):
        path.unlink()
    us.start("di")


def registered(us: Consortium, study: str) -> None:
    assert isinstance(us.wires["ada"].submit([us.registration(study)])[0], Ordered)


def di_says_it_is_back(us: Consortium) -> None:
    due = us.replicas["di"].witness.returning()
    assert len(due) == 1
    assert isinstance(us.wires["di"].submit(due)[0], Ordered)


def knows(us: Consortium) -> bool:
    return us.replicas["di"].witness.known


def di_cosigned(us: Consortium, sequencer: Sequencer) -> bool:
    return "di" in sequencer.copy.judges.cosigners(sequencer.copy.final_note or "")


@pytest.mark.parametrize("ledger", [False, True])
@pytest.mark.parametrize("ahead", [0, HOUR, -HOUR])
def test_no_clock_lets_it_contradict_itself_and_none_keeps_it_from_coming_back(
    us: Consortium, ahead: int, ledger: bool
) -> None:
    """The clocks of the others are right, an hour ahead, or an hour behind di's."""
    us.seconds += ahead
    forked = cosigned_in_vain(us)
    us.seconds -= ahead
    restored(us, ledger=ledger)
    us.connect(forked)
    us.step(["di"], rounds=6)
    registered(us, "other")
    us.step(["di"], rounds=6)  # in the place of what it has cosigned, and first to be asked
    assert us.replicas["di"].witness.last is None
    assert us.replicas["di"].witness.waiting_for == RETURNS
    us.seconds += ahead
    us.step(OTHERS)
    us.step(["di"])
    assert us.settled("di")
    assert not di_cosigned(us, forked)

    di_says_it_is_back(us)
    us.step(["di"])
    assert us.replicas["di"].witness.last is None, "not even the block that holds its nonce"
    us.step([*OTHERS, "di"])
    registered(us, "next")
    us.step(["di", "ada", "bo"])
    assert us.settled("di")
    assert di_cosigned(us, forked)
    us.require_agreement()


def liar(us: Consortium) -> None:
    """Put a sequencer at di's other end that says that the ledger begins now."""
    made = us.sequencer("liar")
    made._recovery.ready = True
    made._recovery.presented.add("di")
    us.connect(made, ["di"])
    us.wires["di"].submit([us.registration("zero", "di")])


def test_with_nothing_of_the_ledger_it_does_not_begin_it_anew(us: Consortium) -> None:
    us.settle("one")
    restored(us)
    liar(us)
    us.step(["di"])
    assert us.sizes()["di"] == (1, 0), "it holds the block"
    assert us.replicas["di"].witness.last is None


def cosigned_by_di(us: Consortium, study: str) -> None:
    """Make another block final, by di's cosignature as well."""
    registered(us, study)
    us.step(["di", "ada", "bo"])
    us.step()
    assert di_cosigned(us, us.sequencers[-1])


def back_in(us: Consortium, backup: str) -> None:
    """Start di with an old backup of the whole home, its word included."""
    us.replicas.pop("di").copy.close()
    us.copied(backup, "di")
    us.start("di")


def test_an_old_backup_of_a_whole_home_is_found_out_by_what_its_key_has_cosigned_since(
    us: Consortium,
) -> None:
    us.settle("one")
    us.copied("di", "backup")
    assert knows(us)
    cosigned_by_di(us, "two")
    cosigned_by_di(us, "three")
    back_in(us, "backup")
    assert knows(us), "nothing in the home says that it is old"
    us.step(["di"], rounds=3)
    assert not knows(us)
    registered(us, "four")
    us.step(["di"])
    assert us.replicas["di"].witness.waiting_for == DOUBTS + RETURNS
    assert us.replicas["di"].witness.last is None
    us.start("di")
    assert not knows(us), "a restart does not forget that"
    us.step()
    di_says_it_is_back(us)
    us.step()
    cosigned_by_di(us, "five")
    assert us.replicas["di"].witness.waiting_for == ""
    us.require_agreement()


def test_a_backup_that_has_missed_nothing_is_believed(us: Consortium) -> None:
    us.settle("one")
    cosigned_by_di(us, "two")
    us.copied("di", "backup")
    back_in(us, "backup")
    us.step()
    assert knows(us)
    cosigned_by_di(us, "three")


def test_two_nodes_with_one_key_find_each_other_out(us: Consortium) -> None:
    us.settle("one")
    us.copied("di", "twin")
    cosigned_by_di(us, "two")
    cosigned_by_di(us, "three")
    here = us.replicas.pop("di")
    twin = open_replica(
        us.home("twin"), us.world.genesis, "di", us.key, us.wires["di"], us.warnings.append,
        seconds=lambda: us.seconds, clock=lambda: 0.0,
    )  # fmt: skip
    for _ in range(4):
        twin.step(0)
    assert not twin.witness.known
    assert here.witness.known
    twin.close()
    us.replicas["di"] = here


def test_a_nonce_of_another_start_proves_nothing(us: Consortium) -> None:
    """It lies below what was cosigned since; a copy of the home may hold all but the word."""
    us.settle("one")
    restored(us)
    us.step(["di"])
    di_says_it_is_back(us)
    old = us.replicas["di"].witness.returning()
    us.step()
    assert knows(us)
    restored(us)
    us.step(["di"])
    assert not knows(us), "an old return is in the history that it replays"
    assert us.replicas["di"].witness.returning() != old
    (answer,) = us.wires["di"].submit(old)
    assert isinstance(answer, Ordered | Refused)
    us.settle("two")
    assert not knows(us)


def test_a_return_is_a_validator_s_and_comes_once_on_ledgers_of_contract_2(us: Consortium) -> None:
    nonce = {"nonce": "A" * 43}
    assert say(us.world, "ada", MemberReturn, **nonce) == ()
    assert refusal(us.world, "ada", MemberReturn, **nonce) == "already"
    say(us.world, "bo", MemberReturn, **nonce)
    site = member("eve", power=0, roles=("site",))
    assert refusal(world_of([member("ada"), site]), "eve", MemberReturn, **nonce) == "role"
    assert refusal(four_equals(contract=1), "ada", MemberReturn, **nonce) == "malformed"


def test_after_it_is_back_nothing_lets_it_cosign_below(us: Consortium) -> None:
    """Its ledger is lost once more, and not its word: the old history is no place to cosign."""
    forked = cosigned_in_vain(us)
    restored(us)
    us.connect(forked)
    us.step(["di"])
    di_says_it_is_back(us)
    us.step([*OTHERS, "di"])
    assert knows(us)
    us.replicas.pop("di").copy.close()
    for name in ("ledger.log", "final"):
        (us.home("di") / name).unlink()
    us.start("di")
    liar(us)
    us.step(["di"])
    assert us.sizes()["di"] == (1, 0)
    assert us.replicas["di"].witness.last is None
    assert us.replicas["di"].witness.waiting_for


def test_where_it_is_needed_for_every_quorum_its_operator_lets_it_go_on(us: Consortium) -> None:
    us.settle("one")
    us.connect(None, ["cy"])
    restored(us, ledger=True)
    us.step(["di"])
    di_says_it_is_back(us)
    us.step(["ada", "bo", "di"])
    assert not us.settled("ada"), "two of four are no quorum"
    assert us.replicas["di"].witness.here.size == 1
    us.replicas["di"].release()
    us.start("di")
    us.step(["di", "ada", "bo"])
    assert us.settled("ada")
    with pytest.raises(RunError, match=r"cosigned\.nothing"):
        us.replicas["di"].release()
