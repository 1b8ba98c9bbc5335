"""Secure aggregation: exact for every drop-out, silent about updates, and no cheat unseen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.secrecy.circles import PLACE, Exchange, read_total, secrets_of, updates_of

from collegium.mechanisms.secagg.protocol import SECAGG, _opened, _pair_key
from collegium.secrecy.deal import SecretKind, deal_secret, decode_deal, encode_deal, mask_private
from collegium.secrecy.masked import residues, total_of
from collegium.secrecy.masking import RingVector, add_masks
from collegium.secrecy.secure_sum import OwnSecrets, SumFailure
from collegium.secrecy.shamir import PRIME
from collegium.secrecy.sum_setup import FixedDeals

FIVE = ["ada", "bo", "cy", "di", "ed"]


@given(
    data=st.data(), count=st.integers(1, 6), size=st.integers(1, 40), ring=st.sampled_from([32, 64])
)
@settings(max_examples=60)
def test_sums_equal_plain_integer_sums_for_every_drop_out(
    data: st.DataObject, count: int, size: int, ring: int
) -> None:
    names = [f"s{number}" for number in range(count)]
    threshold = data.draw(st.integers(1, count))
    exchange = Exchange(names, threshold, ring)
    dealers = data.draw(st.permutations(names))[: data.draw(st.integers(threshold, count))]
    exchange.deals = {name: exchange.deals[name] for name in sorted(dealers)}
    survivors = dealers[: data.draw(st.integers(threshold, len(dealers)))]
    holders = data.draw(st.permutations(survivors))
    values = updates_of(survivors, size, seed=count)
    posted = exchange.posted(
        holders[: data.draw(st.integers(threshold, len(survivors)))], survivors
    )
    found = read_total(
        exchange.total(exchange.masked(values, 6), posted), 6 * len(survivors), len(survivors)
    )
    plain = sum(6 * update.astype(np.int64) for update in values.values())
    assert (found.values == plain).all()


def test_one_share_too_few_opens_nothing() -> None:
    exchange = Exchange(FIVE, 4)
    masked = exchange.masked(updates_of(FIVE[:4], 8), 1)
    posted = exchange.posted(FIVE[:3], FIVE[:4])
    assert exchange.total(masked, posted) == SumFailure("shares", "ada")


def test_a_masked_update_looks_like_noise() -> None:
    exchange = Exchange(FIVE, 4)
    masked = exchange.masked({"ada": np.zeros(4096, np.int16)}, 1)["ada"]
    bits = np.unpackbits(masked.view(np.uint8))
    assert abs(bits.mean() - 0.5) < 5 * 0.5 / bits.size**0.5
    assert len(set(masked.tolist())) > 4090


def recovered(exchange: Exchange, target: str, colluders: list[str]) -> bool:
    """Whether colluders read a survivor's update with all they have, and both kinds of shares.

    They hold their own secrets, and what the deals give them; everything else is on the ledger.
    """
    update = updates_of([target], 64)[target]
    vector = exchange.masked({target: update}, 1)[target]
    agreement = exchange.agreement
    posted_self = exchange.posted(colluders, [target])
    posted_mask = exchange.posted(colluders, [])
    deals = {target: exchange.deals[target]}
    opened = {}
    for kind, posted in ((SecretKind.SELF, posted_self), (SecretKind.MASK, posted_mask)):
        survivors = frozenset([target]) if kind is SecretKind.SELF else frozenset[str]()
        lesser = replace(agreement, deals={target: agreement.deals[target]})
        for _, _, _, secret in _opened(lesser, deals, posted, survivors):
            opened[kind] = secret
    mask, own = opened[SecretKind.MASK], opened[SecretKind.SELF]
    if isinstance(mask, SumFailure) or isinstance(own, SumFailure):
        return False
    masks = np.zeros_like(vector)
    SECAGG.mask(OwnSecrets(mask, own, b""), agreement, target, masks)
    return bool(((vector - masks)[:-2].view(np.int32) == update).all())


def test_threshold_many_colluders_read_an_update_and_one_fewer_do_not() -> None:
    exchange = Exchange(FIVE, 3)
    assert recovered(exchange, "ada", ["bo", "cy", "di"])
    for colluders in combinations(FIVE[1:], 2):
        assert not recovered(exchange, "ada", list(colluders))


Protect = Callable[[OwnSecrets, FixedDeals, str, RingVector], None]


def differs(protect: Protect) -> bool:
    """Whether what two colluders of a threshold of 3 see tells two updates of a victim apart."""

    def fresh(attempt: int) -> Exchange:
        return Exchange(FIVE[:4], 3, place=replace(PLACE, attempt=attempt))

    return differs_with(protect, fresh, "ada", lambda exchange, victim: ("bo", "cy"))


def differs_with(
    protect: Protect, fresh: Callable[[int], Exchange], victim: str,
    colluders: Callable[[Exchange, str], tuple[str, ...]], draws: int = 400,
) -> bool:  # fmt: skip
    """Whether what colluders see of a victim's vector is not noise.

    They see it less the masks that they share with it. With fresh secrets each time that is
    uniform: its mean over many draws lies within 5 standard deviations of the middle.
    """
    found = []
    size = 12_000 // draws
    for draw in range(draws):
        exchange = fresh(draw + 1)
        agreement = exchange.agreement
        vector = residues(np.full(size, 5, np.int16), 1, 32)
        protect(exchange.own[victim], agreement, victim, vector)
        for other in colluders(exchange, victim):
            shared = _pair_key(
                mask_private(exchange.own[other].mask), agreement, agreement.transcript(),
                other, victim,
            )  # fmt: skip
            add_masks(vector, *(([], [shared]) if victim < other else ([shared], [])))
        found.append(vector[:size].astype(np.float64))
    mean = float(np.concatenate(found).mean())
    deviation = 2**32 / 12**0.5 / 12_000**0.5
    return bool(abs(mean - 2**31) > 5 * deviation)


def test_threshold_minus_one_colluders_see_noise_and_a_leaking_mutant_is_caught() -> None:
    def leaking(own: OwnSecrets, agreement: FixedDeals, member: str, vector: RingVector) -> None:
        """Masks with the two colluders alone: neither its own mask nor the last honest pair's."""
        transcript = agreement.transcript()
        keys = [
            _pair_key(mask_private(own.mask), agreement, transcript, member, other)
            for other in ("bo", "cy")
        ]
        add_masks(vector, keys, [])

    assert not differs(SECAGG.mask)
    assert differs(leaking)


def test_members_that_saw_different_models_share_no_mask() -> None:
    exchange = Exchange(FIVE, 4)
    values = updates_of(FIVE, 50)
    masked = exchange.masked(values, 1)
    crafted = replace(exchange.agreement, model=bytes(32))
    masked["cy"] = residues(values["cy"], 1, 32)
    SECAGG.mask(exchange.own["cy"], crafted, "cy", masked["cy"])
    total = exchange.total(masked, exchange.posted(FIVE, FIVE))
    assert not isinstance(total, SumFailure)
    assert total_of(total, 5, 5) is None


@pytest.mark.parametrize(
    "changes",
    [{"model": bytes(32)}, {"exponent": 11}, {"ring": 64}],
    ids=lambda changes: next(iter(changes)),
)
def test_masks_depend_on_all_that_was_agreed(changes: dict[str, object]) -> None:
    agreement = Exchange(FIVE, 4).agreement
    other = replace(agreement, **changes)  # type: ignore[arg-type]
    assert other.transcript() != agreement.transcript()


def test_no_two_attempts_share_a_key_or_a_mask() -> None:
    first = Exchange(FIVE, 4)
    second = Exchange(FIVE, 4, place=replace(PLACE, attempt=3))
    same = Exchange(FIVE, 4, place=replace(PLACE, attempt=3))
    same.own = dict(first.own)  # even where a member's secrets were used again
    same.deals = {name: SECAGG.deal(same.own[name], same.share_holders, name) for name in FIVE}
    zero = {"ada": np.zeros(4, np.int16)}
    vectors = {one.masked(zero, 1)["ada"].tobytes() for one in (first, second, same)}
    assert len(vectors) == 3
    assert first.deals["ada"] != second.deals["ada"] != same.deals["ada"]


def test_a_forged_share_is_left_out_and_its_holder_named() -> None:
    exchange = Exchange(FIVE, 4)
    values = updates_of(FIVE[:4], 9)
    posted = exchange.posted(FIVE, FIVE[:4])
    posted["bo"]["ada"] = bytes(32)
    posted["bo"]["ed"] = posted["cy"]["ed"]
    masked, survivors = exchange.masked(values, 1), frozenset(FIVE[:4])
    hidden = dict.fromkeys(survivors, b"")
    assert SECAGG.forged(exchange.agreement, 9, hidden, exchange.deals, posted) == [
        ("bo", "ada"), ("bo", "ed"),
    ]  # fmt: skip
    found = read_total(exchange.total(masked, posted), 4, 4)
    assert (found.values == sum(value.astype(np.int64) for value in values.values())).all()
    assert SECAGG.cheated(exchange.agreement, exchange.deals, posted, survivors) == []


def test_the_share_of_the_other_secret_is_forged() -> None:
    exchange = Exchange(FIVE, 4)
    posted = exchange.posted(FIVE, FIVE)
    posted["bo"]["ada"] = exchange.posted(["bo"], FIVE[1:])["bo"]["ada"]
    hidden = dict.fromkeys(FIVE, b"")
    forged = SECAGG.forged(exchange.agreement, 9, hidden, exchange.deals, posted)
    assert forged == [("bo", "ada")]


def test_a_dealer_that_cheats_one_holder_is_found_by_it_and_proven_by_all() -> None:
    exchange = Exchange(FIVE, 4)
    deal = decode_deal(exchange.deals["ada"], exchange.share_holders, "ada")
    half = deal[SecretKind.SELF]
    spoilt = (*half.ciphertexts[:2], bytes(32), *half.ciphertexts[3:])
    deal[SecretKind.SELF] = replace(half, ciphertexts=spoilt)
    blob = exchange.deals["ada"] = encode_deal(deal)
    sound = {
        name: SECAGG.is_sound(exchange.own[name], exchange.share_holders, "ada", name, blob)
        for name in FIVE
    }
    assert sound == {"ada": True, "bo": True, "cy": False, "di": True, "ed": True}
    posted = exchange.posted(FIVE, FIVE)
    assert "ada" not in posted["cy"]
    survivors = frozenset(FIVE)
    assert SECAGG.cheated(exchange.agreement, exchange.deals, posted, survivors) == [("ada", "cy")]
    assert not isinstance(
        exchange.total(exchange.masked(updates_of(FIVE, 3), 1), posted), SumFailure
    )


def test_a_dealer_of_shares_that_are_of_no_polynomial_is_named() -> None:
    exchange = Exchange(FIVE, 3)
    other = deal_secret(exchange.share_holders, "ada", SecretKind.SELF, 12345)
    deal = decode_deal(exchange.deals["ada"], exchange.share_holders, "ada")
    half = deal[SecretKind.SELF]
    right = exchange.posted(["ada"], FIVE)["ada"]["ada"]
    deal[SecretKind.SELF] = replace(other, ephemeral=half.ephemeral)
    exchange.deals["ada"] = encode_deal(deal)
    posted = exchange.posted(FIVE, FIVE)
    for name in FIVE:
        assert posted[name].get("ada") != right
    posted = {name: {**given, "ada": share} for (name, given), share in zip(
        posted.items(), shares_of(exchange, 12345), strict=True
    )}  # fmt: skip
    masked = exchange.masked(updates_of(FIVE, 3), 1)
    assert exchange.total(masked, posted) == SumFailure("deal", "ada")
    cheated = SECAGG.cheated(exchange.agreement, exchange.deals, posted, frozenset(FIVE))
    assert cheated == [("ada", name) for name in FIVE]


def shares_of(exchange: Exchange, secret: int) -> list[bytes]:
    """The shares of another self secret of ada's, in the order of holders."""
    twin = replace(exchange.own["ada"], own=secret)
    deal = SECAGG.deal(twin, exchange.share_holders, "ada")
    lesser = replace(exchange.agreement, deals={"ada": b""})
    return [
        SECAGG.shares(exchange.own[name], lesser, name, {"ada": deal}, frozenset(FIVE))["ada"]
        for name in FIVE
    ]


@pytest.mark.parametrize("cut", [0, 10, 40, -1])
def test_a_deal_of_another_form_is_unsound(cut: int) -> None:
    exchange = Exchange(FIVE, 4)
    blob = exchange.deals["ada"][:cut]
    assert not SECAGG.is_sound(exchange.own["bo"], exchange.share_holders, "ada", "bo", blob)


def test_own_secrets_show_nothing() -> None:
    own = secrets_of("ada")
    assert str(own.mask) not in repr(own)
    assert own.mask < PRIME
