"""What a quorum of validators has seen is ordered within some blocks, or nothing more is final.

docs/spec/10-log-engine.md, docs/decisions/0140. A sequencer that answers "waiting" for ever is one
to whom a transaction never comes: so it is here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from tests.ledger.contract.kit import four_equals, key_of
from tests.ledger.engines.log.kit import (
    LOG_KEY,
    MEMBERS,
    Consortium,
    Down,
    Wire,
    consortium,
)

from collegium.ledger.engines.log.delivery import Promised
from collegium.ledger.engines.log.demands import DEMANDS, MOST_OF_ONE, transactions_in
from collegium.ledger.engines.log.evidence import ENVELOPE, RECEIVED, SEEN
from collegium.ledger.engines.log.inclusion_promise import InclusionPromise, sign_inclusion_promise
from collegium.ledger.engines.log.seen import Seen, sign_seen
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.ordering import Ordered

WITHIN = 3
OTHERS = ("ada", "cy", "di")


@pytest.fixture
def us(tmp_path: Path) -> Iterator[Consortium]:
    made = consortium(tmp_path, world=four_equals(ordered_within=WITHIN))
    yield made
    made.close()


def id_of(envelope: bytes) -> bytes:
    return decode_envelope(envelope).transaction_id


def word(us: Consortium, who: str, envelope: bytes, size: int) -> str:
    """A validator's word that it has seen a transaction."""
    return sign_seen(Seen(us.world.identity, size, id_of(envelope)), who, key_of(who))


def seen(us: Consortium, envelope: bytes, by: Iterable[str] = MEMBERS, author: str = "bo") -> None:
    """Let all members hear of a transaction, and that some have seen it by now."""
    words = {who: word(us, who, envelope, us.replicas[who].final_size) for who in by}
    for replica in us.replicas.values():
        replica.demands.hear(author, envelope)
        for who, note in words.items():
            replica.demands.hear_word(who, note)


def sizes(us: Consortium) -> set[int]:
    return {one.final_size for one in us.replicas.values()}


def ordered(us: Consortium, envelope: bytes, at: Iterable[str] = MEMBERS) -> bool:
    """Whether it is final at members."""
    return all(id_of(envelope) in transactions_in(us.final_bytes(name)) for name in at)


def no_promise(us: Consortium) -> None:
    """From here on the sequencer promises nothing."""
    for wire in us.wires.values():
        wire.on_demand = lambda *_: []


def test_what_a_quorum_has_seen_is_left_out_of_so_many_blocks_and_no_more(us: Consortium) -> None:
    kept = us.registration("kept", "bo")
    seen(us, kept)
    no_promise(us)
    us.settle("one", "two")
    assert sizes(us) == {2}
    us.settle("three")
    assert sizes(us) == {2}, "the third block after it was seen is not final"
    us.step()
    assert sizes(us) == {2}
    for name in MEMBERS:
        (found,) = (us.home(name) / "evidence").glob("censored-*")
        names = {one.name for one in found.iterdir()}
        assert {ENVELOPE, RECEIVED, *(f"{SEEN}{one}.note" for one in MEMBERS)} <= names
        assert "bo" in us.replicas[name].witness.waiting_for


def test_a_restart_is_no_way_past(us: Consortium) -> None:
    """Operators restart what stands still: nobody then cosigns what it has refused."""
    kept = us.registration("kept", "bo")
    seen(us, kept)
    no_promise(us)
    us.settle("one", "two", "three")
    for name in MEMBERS:
        us.start(name)
    us.step()
    assert sizes(us) == {2}
    for wire in us.wires.values():
        wire.on_demand = None
    us.step()
    us.step()
    assert ordered(us, kept)


@pytest.mark.parametrize("spoiled", [b"", b"{}", b'{"genesis":"","demands":[]}'])
def test_a_file_of_demands_that_is_none_holds_none(us: Consortium, spoiled: bytes) -> None:
    seen(us, us.registration("kept", "bo"))
    path = us.home("ada") / DEMANDS
    assert us.start("ada").demands.held
    path.write_bytes(spoiled)
    assert us.start("ada").demands.held == {}


@pytest.mark.parametrize("by", [("ada", "bo"), ()])
def test_what_too_few_have_seen_halts_nobody(us: Consortium, by: tuple[str, ...]) -> None:
    seen(us, us.registration("kept", "bo"), by)
    no_promise(us)
    us.settle("one", "two", "three", "four", "five")
    assert sizes(us) == {5}


def test_words_that_do_not_hold_count_for_nothing(us: Consortium) -> None:
    kept, other = us.registration("kept", "bo"), us.registration("other", "bo")
    seen(us, kept, ("ada", "bo"))
    note = word(us, "cy", kept, 0)
    for spoiled in (
        note.replace("\n0\n", "\n00\n"), note.replace("/seen", "/sein"), "", "x" * 5000,
        word(us, "cy", other, 0), sign_seen(Seen(bytes(32), 0, id_of(kept)), "cy", key_of("cy")),
        sign_seen(Seen(us.world.identity, 0, id_of(kept)), "cy", key_of("di")),
        sign_inclusion_promise(InclusionPromise(us.world.identity, 0, id_of(kept)), key_of("cy")),
    ):  # fmt: skip
        for replica in us.replicas.values():
            replica.demands.hear_word("cy", spoiled)
            assert "cy" not in replica.demands.held[id_of(kept)].notes
    for replica in us.replicas.values():
        replica.demands.hear_word("cy", note)
        assert replica.demands.bound(id_of(kept), replica.copy.judges) == 0


def test_what_the_contract_would_not_take_is_no_demand(us: Consortium) -> None:
    us.settle("one")
    seen(us, us.registration("one", "bo"))
    assert not us.replicas["ada"].demands.held
    kept = us.registration("kept", "bo")
    seen(us, kept)
    no_promise(us)
    us.settle("two", "kept", "three", "four", "five")
    assert sizes(us) == {6}, "another registered it first, so that it is refused"
    assert not us.replicas["ada"].demands.held


def test_it_binds_from_when_a_quorum_had_seen_it(us: Consortium) -> None:
    kept = us.registration("kept", "bo")
    seen(us, kept, ("ada", "bo"))
    no_promise(us)
    us.settle("one", "two", "three", "four")
    seen(us, kept, ("cy",))
    us.settle("five", "six")
    assert sizes(us) == {6}
    us.settle("seven")
    assert sizes(us) == {6}


def test_a_later_word_does_not_put_off_an_earlier_one(us: Consortium) -> None:
    kept = us.registration("kept", "bo")
    seen(us, kept)
    no_promise(us)
    us.settle("one", "two")
    seen(us, kept)
    us.settle("three")
    assert sizes(us) == {2}


def test_one_who_demands_much_is_heard_as_far_as_its_quota(us: Consortium) -> None:
    for number in range(2 * MOST_OF_ONE):
        us.replicas["ada"].demands.hear("bo", us.registration(f"s{number}", "bo"))
    us.replicas["ada"].demands.hear("cy", us.registration("kept", "cy"))
    assert len(us.replicas["ada"].demands.held) == MOST_OF_ONE + 1


def test_an_honest_sequencer_promises_it_the_next_place_and_goes_on(us: Consortium) -> None:
    kept = us.registration("kept", "bo")
    seen(us, kept)
    us.settle("one", "two", "three", "four")
    assert ordered(us, kept)
    assert sizes(us) == {5}
    assert not list(us.folder.glob("*/evidence/censored-*"))


def test_two_that_exclude_each_other_halt_no_honest_sequencer(us: Consortium) -> None:
    """Of a liar's two transactions only one can be ordered, and members may demand either."""
    first, second = us.registration("kept", "bo"), us.registration("kept", "cy")
    seen(us, first)
    seen(us, second, author="cy")
    us.replicas["ada"].demands.held.pop(id_of(first))
    us.replicas["di"].demands.held.pop(id_of(second))
    us.settle("one", "two", "three", "four", "five")
    assert sizes(us) == {6}
    assert ordered(us, first) != ordered(us, second)


def test_a_promise_is_taken_once(us: Consortium) -> None:
    kept = us.registration("kept", "bo")
    seen(us, kept)

    def promised(*_: object) -> list[Promised]:
        place = InclusionPromise(us.world.identity, us.sequencers[0].copy.size, id_of(kept))
        return [(kept, sign_inclusion_promise(place, LOG_KEY))]

    for wire in us.wires.values():
        wire.on_demand = promised
    us.settle("one", "two", "three")
    assert sizes(us) == {3}
    us.settle("four")
    assert sizes(us) == {3}, "its word was broken"
    us.step()
    assert sizes(us) == {3}
    assert list((us.home("ada") / "evidence").glob("censored-*"))


@pytest.mark.parametrize("spoiled", ["key", "place", "transaction", "nothing"])
def test_a_promise_that_is_none_is_not_taken(us: Consortium, spoiled: str) -> None:
    kept = us.registration("kept", "bo")
    seen(us, kept)

    def promised(*_: object) -> list[Promised]:
        index = us.sequencers[0].copy.size + (spoiled == "place")
        named = us.registration("other") if spoiled == "transaction" else kept
        key = key_of("bo") if spoiled == "key" else LOG_KEY
        place = InclusionPromise(us.world.identity, index, id_of(named))
        return [(kept, "" if spoiled == "nothing" else sign_inclusion_promise(place, key))]

    for wire in us.wires.values():
        wire.on_demand = promised
    us.settle("one", "two", "three")
    assert sizes(us) == {2}


def promised_and_cut_off(us: Consortium, kept: bytes) -> None:
    """Let three members have the log's word, and cosign what leaves it out, as the line breaks."""
    seen(us, kept)
    us.settle("one", "two")
    us.wires["ada"].submit([us.registration("three")])
    for name in OTHERS:
        wire = us.wires[name]

        def cut_off(member: str, demanded: Sequence[Promised], wire: Wire = wire) -> list[Promised]:
            answer = us.sequencers[0].demand(member, demanded)
            wire.sequencer = None
            return answer

        wire.on_demand = cut_off
        with suppress(Down):
            us.replicas[name].step(0)
        assert us.replicas[name].witness.last is not None
    assert us.sequencers[0].copy.final_size == 2


def test_a_promise_outlives_the_sequencer_s_process(us: Consortium) -> None:
    kept = us.registration("kept", "bo")
    promised_and_cut_off(us, kept)
    no_promise(us)
    us.sequencers[-1].copy.close()
    us.connect(us.sequencer())
    us.step(rounds=8)
    assert ordered(us, kept)


def test_a_sequencer_that_is_moved_hears_of_promises_from_who_has_them(us: Consortium) -> None:
    """Where the block that they let pass is final, somebody honest who presents itself has them."""
    kept = us.registration("kept", "bo")
    promised_and_cut_off(us, kept)
    us.copied("ada", "moved")
    us.connect(us.sequencer("moved"))
    for name in OTHERS:
        us.wires[name].on_demand = None
    us.step(OTHERS, rounds=8)
    assert ordered(us, kept, OTHERS)


def test_who_moves_a_sequencer_that_censored_goes_on_from_the_refused_block(
    us: Consortium,
) -> None:
    kept = us.registration("kept", "bo")
    seen(us, kept)
    no_promise(us)
    us.settle("one", "two", "three")
    assert sizes(us) == {2}
    for wire in us.wires.values():
        wire.on_demand = None
    us.copied("ada", "moved")
    us.connect(us.sequencer("moved"))
    us.step(rounds=6)
    assert sizes(us) == {4}
    assert ordered(us, kept)


def test_a_member_that_demands_much_of_its_own_takes_no_place_of_another_s(us: Consortium) -> None:
    sequencer = us.sequencers[0]
    us.wires["ada"].submit([us.registration("one")])
    flood = [(us.registration(f"f{number}", "di"), "") for number in range(40)]
    assert len(sequencer.demand("di", flood)) == MOST_OF_ONE
    kept = us.registration("kept", "bo")
    promised = [one for one, _ in sequencer.demand("ada", [(kept, ""), (b"nothing", "")])]
    assert promised[MOST_OF_ONE:] == [kept]
    us.step()
    assert ordered(us, kept)
    us.wires["ada"].submit([us.registration("two")])
    more = [(us.registration(f"g{number}", "di"), "") for number in range(40)]
    assert len(sequencer.demand("di", more)) == MOST_OF_ONE, "another block, and places anew"


def test_of_two_that_exclude_each_other_one_is_promised(us: Consortium) -> None:
    us.wires["ada"].submit([us.registration("one")])
    first, second = us.registration("kept", "bo"), us.registration("kept", "cy")
    (promised,) = us.sequencers[0].demand("ada", [(first, ""), (second, "")])
    assert promised[0] == first


def test_who_waits_for_an_answer_has_it_when_it_was_promised_a_place(us: Consortium) -> None:
    us.wires["ada"].submit([us.registration("one")])
    kept = us.registration("kept", "bo")
    waits = us.sequencers[0].submit("bo", [kept])
    assert not waits.decided
    us.sequencers[0].demand("ada", [(kept, "")])
    us.step()
    assert waits.answers() == [Ordered(1)]


def test_blocks_before_a_member_heard_of_it_do_not_count(us: Consortium) -> None:
    """Nobody can say what the contract would have taken of something that it has not seen."""
    kept = us.registration("kept", "bo")
    no_promise(us)
    words = {who: word(us, who, kept, 0) for who in MEMBERS}
    us.settle("one", "two")
    for replica in us.replicas.values():
        replica.demands.hear("bo", kept)
        for who, note in words.items():
            replica.demands.hear_word(who, note)
    us.settle("three", "four")
    assert sizes(us) == {4}
    us.settle("five")
    assert sizes(us) == {4}


def test_a_ledger_without_such_a_bound_demands_nothing(tmp_path: Path) -> None:
    old = consortium(tmp_path, world=four_equals())
    seen(old, old.registration("kept", "bo"))
    old.settle("one", "two", "three", "four")
    assert sizes(old) == {4}
    assert not old.replicas["ada"].demands.held
    old.close()
