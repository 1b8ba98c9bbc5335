"""A block at once is what its transactions are one after the other."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ledger.contract.kit import World, envelope, four_equals, key_of, say
from tests.ledger.contract.moves import proposal_id
from tests.ledger.contract.test_apply import history
from tests.ledger.contract.test_governance import rotation

from collegium.ledger.applying import apply_all
from collegium.ledger.contract.apply import Applied, apply, initial_state
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.transactions import Expel, MemberPropose, MemberVote
from collegium.ledger.envelope import Envelope, decode_envelope, encode_envelope
from collegium.ledger.state import State

PAST = history()


def one_by_one(world: World, state: State, block: list[bytes]) -> list[Applied | Rejected]:
    results: list[Applied | Rejected] = []
    for data in block:
        try:
            results.append(apply(state, world.identity, data))
        except Rejected as rejection:
            results.append(rejection)
    return results


def told(results: list[Applied | Rejected]) -> list[object]:
    return [(one.code, one.reason) if isinstance(one, Rejected) else one for one in results]


def spoiled(data: bytes) -> bytes:
    """Return an envelope whose signature is another one's."""
    opened = decode_envelope(data)
    return encode_envelope(Envelope(opened.payload, opened.key_id, opened.signature[::-1]))


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from(["twice", "spoiled", "gone"]))),
)
@settings(deadline=None, max_examples=40)
def test_blocks_of_any_size_and_quality_lead_where_single_transactions_lead(
    sizes: list[int], faults: list[tuple[int, str]]
) -> None:
    stream = list(PAST.accepted)
    for place, fault in faults:
        at = place % len(stream)
        if fault == "twice":
            stream.insert(at, stream[at])
        elif fault == "spoiled":
            stream[at] = spoiled(stream[at])
        else:
            del stream[at]
    together, apart = initial_state(PAST.genesis), initial_state(PAST.genesis)
    number = 0
    while stream:
        size = sizes[number % len(sizes)]
        block, stream, number = stream[:size], stream[size:], number + 1
        results = list(apply_all(together, PAST.identity, block))
        assert told(results) == told(one_by_one(PAST, apart, block))
        assert together.root() == apart.root()


def test_a_key_that_is_rotated_within_a_block_speaks_from_there_on() -> None:
    world = four_equals()
    name, other, third = (proposal_id(label) for label in ("change", "other", "third"))
    change, expulsion = rotation(world, "di", "di two"), Expel("bo")
    say(world, "ada", MemberPropose, action=change, proposal=name)
    for who in ("ada", "bo"):
        say(world, who, MemberVote, approve=True, proposal=name)
    before = envelope(world, "di", MemberPropose, action=expulsion, proposal=other)
    decisive = envelope(world, "cy", MemberVote, approve=True, proposal=name)
    late = envelope(world, "di", MemberPropose, action=expulsion, proposal=third)
    world.keys["di"] = key_of("di two")
    after = envelope(world, "di", MemberVote, approve=False, proposal=other)
    results = list(apply_all(world.state, world.identity, [before, decisive, late, after]))
    assert [one.code if isinstance(one, Rejected) else one[1] for one in results] == [
        "di", "cy", "unknown-member", "di",
    ]  # fmt: skip


def test_a_signature_that_does_not_hold_is_refused_wherever_it_stands() -> None:
    world = four_equals()
    name = proposal_id("change")
    good = envelope(world, "ada", MemberPropose, action=Expel("di"), proposal=name)
    opened = decode_envelope(good)
    forged = encode_envelope(Envelope(opened.payload, opened.key_id, bytes(64)))
    results = list(apply_all(world.state, world.identity, [forged, good, forged]))
    assert [one.code if isinstance(one, Rejected) else one[1] for one in results] == [
        "signature", "ada", "signature",
    ]  # fmt: skip
