"""Secure sums in a graph: exact while neighbours are left, silent while too few of them collude."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.mechanisms.secagg.test_protocol import differs_with, recovered
from tests.secrecy.circles import PLACE, Exchange, read_total, updates_of

from collegium.mechanisms.secagg.protocol import SECAGG_PLUS, _own_key, _pair_key
from collegium.secrecy.deal import SecretKind, decode_deal, encode_deal, mask_private
from collegium.secrecy.masking import RingVector, add_masks
from collegium.secrecy.secure_sum import OwnSecrets, SumFailure
from collegium.secrecy.sum_setup import FixedDeals

NINE = [f"s{number}" for number in range(9)]


def graph_of_nine() -> Exchange:
    """Nine members, four neighbours each, three of whom open a secret."""
    return Exchange(NINE, 3, degree=4)


@given(
    data=st.data(), count=st.integers(3, 12), half=st.integers(1, 3), size=st.integers(1, 20),
    ring=st.sampled_from([32, 64]),
)  # fmt: skip
@settings(max_examples=60)
def test_sums_equal_plain_integer_sums_for_every_drop_out_that_leaves_neighbours(
    data: st.DataObject, count: int, half: int, size: int, ring: int
) -> None:
    names = [f"s{number:02d}" for number in range(count)]
    holders = min(2 * half, count - 1)
    exchange = Exchange(names, data.draw(st.integers(1, holders)), ring, degree=2 * half)
    dealers = data.draw(st.permutations(names))[: data.draw(st.integers(2, count))]
    exchange.deals = {name: exchange.deals[name] for name in sorted(dealers)}
    survivors = dealers[: data.draw(st.integers(1, len(dealers)))]
    posting = survivors[: data.draw(st.integers(1, len(survivors)))]
    values = updates_of(survivors, size, seed=count)
    found = exchange.total(exchange.masked(values, 6), exchange.posted(posting, survivors))
    left = Counter(dealer for name in posting for dealer in exchange.share_holders.holders(name))
    if all(left[dealer] >= exchange.threshold for dealer in dealers):
        total = read_total(found, 6 * len(survivors), len(survivors))
        plain = sum(6 * update.astype(np.int64) for update in values.values())
        assert (total.values == plain).all()
    else:
        assert isinstance(found, SumFailure)
        assert found.why == "shares"
        assert left[found.dealer] < exchange.threshold


def test_a_member_deals_to_its_neighbours_and_to_nobody_else() -> None:
    exchange = graph_of_nine()
    for name in NINE:
        deal = decode_deal(exchange.deals[name], exchange.share_holders, name)
        assert len(deal[SecretKind.SELF].ciphertexts) == 4
        sound = {
            other
            for other in NINE
            if SECAGG_PLUS.is_sound(
                exchange.own[other], exchange.share_holders, name, other, exchange.deals[name]
            )
        }
        assert sound == set(exchange.share_holders.holders(name))
        assert name not in sound


def test_members_who_are_no_neighbours_share_no_mask() -> None:
    exchange = graph_of_nine()
    agreement, transcript = exchange.agreement, exchange.agreement.transcript()
    for name, vector in exchange.masked({name: np.zeros(4, np.int16) for name in NINE}, 1).items():
        private = mask_private(exchange.own[name].mask)
        add_masks(vector, [], [_own_key(exchange.own[name].own, transcript, name)])
        for other in agreement.share_holders.holders(name):
            key = _pair_key(private, agreement, transcript, name, other)
            add_masks(vector, *(([], [key]) if name < other else ([key], [])))
        assert vector.tolist() == [0, 0, 0, 0, 0, 1], "nothing is left but a small peak"


def test_threshold_many_neighbours_read_an_update_and_one_fewer_with_all_others_do_not() -> None:
    exchange = graph_of_nine()
    for victim in NINE:
        near = list(exchange.share_holders.holders(victim))
        far = [name for name in NINE if name not in (victim, *near)]
        assert recovered(exchange, victim, near[:3])
        assert not recovered(exchange, victim, near[:2] + far)
        assert not recovered(exchange, victim, far)


def test_neighbours_below_the_threshold_see_noise_and_a_leaking_mutant_is_caught() -> None:
    def fresh(attempt: int) -> Exchange:
        return Exchange(NINE[:6], 3, place=replace(PLACE, attempt=attempt), degree=4)

    def two_of(exchange: Exchange, victim: str) -> tuple[str, ...]:
        return exchange.share_holders.holders(victim)[:2]

    def leaking(own: OwnSecrets, agreement: FixedDeals, member: str, vector: RingVector) -> None:
        """Masks with the two colluders alone."""
        transcript = agreement.transcript()
        for other in agreement.share_holders.holders(member)[:2]:
            key = _pair_key(mask_private(own.mask), agreement, transcript, member, other)
            add_masks(vector, *(([key], []) if member < other else ([], [key])))

    assert not differs_with(SECAGG_PLUS.mask, fresh, "s0", two_of, draws=30)
    assert differs_with(leaking, fresh, "s0", two_of, draws=30)


def test_a_forged_share_is_left_out_and_its_holder_named() -> None:
    exchange = Exchange(NINE, 3, degree=4)
    values = updates_of(NINE, 9)
    posted = exchange.posted(NINE, NINE)
    victim = exchange.share_holders.holders("s0")[0]
    posted["s0"][victim] = bytes(32)
    masked = exchange.masked(values, 1)
    hidden = dict.fromkeys(NINE, b"")
    forged = SECAGG_PLUS.forged(exchange.agreement, 9, hidden, exchange.deals, posted)
    assert forged == [("s0", victim)]
    found = read_total(exchange.total(masked, posted), 9, 9)
    assert (found.values == sum(value.astype(np.int64) for value in values.values())).all()


def test_a_dealer_that_cheats_one_neighbour_is_found_by_it_and_proven_by_all() -> None:
    exchange = Exchange(NINE, 3, degree=4)
    deal = decode_deal(exchange.deals["s0"], exchange.share_holders, "s0")
    half = deal[SecretKind.SELF]
    deal[SecretKind.SELF] = replace(half, ciphertexts=(bytes(32), *half.ciphertexts[1:]))
    blob = exchange.deals["s0"] = encode_deal(deal)
    cheated, *others = exchange.share_holders.holders("s0")
    assert not SECAGG_PLUS.is_sound(
        exchange.own[cheated], exchange.share_holders, "s0", cheated, blob
    )
    for name in others:
        assert SECAGG_PLUS.is_sound(exchange.own[name], exchange.share_holders, "s0", name, blob)
    posted = exchange.posted(NINE, NINE)
    found = SECAGG_PLUS.cheated(exchange.agreement, exchange.deals, posted, frozenset(NINE))
    assert found == [("s0", cheated)]


@pytest.mark.parametrize("degree", [None, 4, 6])
def test_masks_depend_on_the_degree(degree: int | None) -> None:
    one, other = Exchange(NINE, 3, degree=degree), Exchange(NINE, 3, degree=8)
    assert (
        one.agreement.transcript()
        != replace(one.agreement, share_holders=other.share_holders).transcript()
    )


def test_the_complete_graph_and_a_drawn_one_give_the_same_sum() -> None:
    values = updates_of(NINE[:8], 30)
    totals = []
    for degree in (None, 6):
        exchange = Exchange(NINE, 5 if degree is None else 4, degree=degree)
        posted = exchange.posted(NINE[:8], NINE[:8])
        totals.append(read_total(exchange.total(exchange.masked(values, 3), posted), 24, 8))
    assert (totals[0].values == totals[1].values).all()
