"""Encrypted sums: exact for every drop-out, opened by t and by no fewer, and no cheat unseen."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.secrecy.circles import MODEL, PLACE, read_total, secrets_of, updates_of

from collegium.errors import FormatError
from collegium.mechanisms.threshold_he.encrypted import decode_encrypted, encode_encrypted
from collegium.mechanisms.threshold_he.key_shares import (
    Key,
    decode_points,
    encode_share,
    interpolate,
)
from collegium.mechanisms.threshold_he.protocol import THRESHOLD_HE, ThresholdHE, _matrix, key_of
from collegium.mechanisms.threshold_he.rlwe import PARAMETERS, decrypt, encrypt
from collegium.secrecy.masked import residues
from collegium.secrecy.masking import RingVector
from collegium.secrecy.secure_sum import OF_THE_SUM, OwnSecrets, SumFailure
from collegium.secrecy.sum_setup import AttemptId, FixedDeals, ShareHolders

FIVE = ["ada", "bo", "cy", "di", "ed"]
SIZE = 9

Updates = Mapping[str, "np.ndarray[tuple[int], np.dtype[np.int16]]"]


@dataclass(slots=True)
class Encrypted:
    """A circle that has dealt keys; `deals` may be tampered with before anything is encrypted."""

    names: list[str]
    threshold: int
    ring: int = 32
    place: AttemptId = PLACE
    protocol: ThresholdHE = THRESHOLD_HE
    own: dict[str, OwnSecrets] = field(default_factory=dict)
    deals: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.own = {name: secrets_of(name, self.place.attempt) for name in self.names}
        share_holders = self.share_holders
        self.deals = {
            name: self.protocol.deal(self.own[name], share_holders, name) for name in self.names
        }

    @property
    def share_holders(self) -> ShareHolders:
        keys = {name: self.protocol.advertise(self.own[name]) for name in self.names}
        return ShareHolders(self.place, self.threshold, keys, self.ring)

    @property
    def agreement(self) -> FixedDeals:
        digests = {name: sha256(deal).digest() for name, deal in self.deals.items()}
        return FixedDeals(self.share_holders, MODEL, 12, self.ring, digests)

    def hidden(self, values: Updates, weight: int = 1) -> dict[str, bytes]:
        agreement = self.agreement
        return {
            name: self.protocol.protect(
                self.own[name], agreement, name, residues(update, weight, self.ring)
            )
            for name, update in values.items()
        }

    def posted(
        self, holders: Collection[str], survivors: Collection[str]
    ) -> dict[str, dict[str, bytes]]:
        agreement, fixed = self.agreement, frozenset(survivors)
        return {
            name: self.protocol.shares(self.own[name], agreement, name, self.deals, fixed)
            for name in holders
        }

    def total(
        self, hidden: Mapping[str, bytes], posted: Mapping[str, Mapping[str, bytes]],
        size: int = SIZE,
    ) -> np.ndarray | SumFailure:  # fmt: skip
        return self.protocol.total(self.agreement, size, hidden, self.deals, posted)

    def forged(
        self, hidden: Mapping[str, bytes], posted: Mapping[str, Mapping[str, bytes]]
    ) -> list[str]:
        found = self.protocol.forged(self.agreement, SIZE, hidden, self.deals, posted)
        assert {dealer for _, dealer in found} <= {OF_THE_SUM}
        return [holder for holder, _ in found]


@pytest.fixture(scope="module")
def five() -> Encrypted:
    return Encrypted(FIVE, 4)


@pytest.fixture(scope="module")
def values() -> Updates:
    return updates_of(FIVE, SIZE)


@pytest.fixture(scope="module")
def hidden(five: Encrypted, values: Updates) -> dict[str, bytes]:
    return five.hidden(values)


def plain_sum(values: Updates, weight: int = 1) -> list[int]:
    total = sum(weight * update.astype(np.int64) for update in values.values())
    assert isinstance(total, np.ndarray)
    return [int(value) for value in total]


@given(
    data=st.data(), count=st.integers(1, 5), size=st.sampled_from([1, 40, 2047]),
    ring=st.sampled_from([32, 64]),
)  # fmt: skip
@settings(max_examples=20, deadline=None)
def test_sums_equal_plain_integer_sums_for_every_drop_out(
    data: st.DataObject, count: int, size: int, ring: int
) -> None:
    names = [f"s{number}" for number in range(count)]
    threshold = data.draw(st.integers(1, count))
    encrypted = Encrypted(names, threshold, ring)
    dealers = data.draw(st.permutations(names))[: data.draw(st.integers(threshold, count))]
    encrypted.deals = {name: encrypted.deals[name] for name in sorted(dealers)}
    survivors = dealers[: data.draw(st.integers(threshold, len(dealers)))]
    holders = data.draw(st.permutations(survivors))
    holders = holders[: data.draw(st.integers(threshold, len(survivors)))]
    values = updates_of(survivors, size, seed=count)
    found = read_total(
        encrypted.total(encrypted.hidden(values, 6), encrypted.posted(holders, survivors), size),
        6 * len(survivors), len(survivors),
    )  # fmt: skip
    assert found.values.tolist() == plain_sum(values, 6)


def test_whichever_threshold_of_shares_opens_the_same_sum(
    five: Encrypted, hidden: dict[str, bytes], values: Updates
) -> None:
    posted = five.posted(FIVE, FIVE)
    for holders in combinations(FIVE, 4):
        found = five.total(hidden, {name: posted[name] for name in holders})
        assert read_total(found, 5, 5).values.tolist() == plain_sum(values)


def test_one_share_too_few_opens_nothing(five: Encrypted, hidden: dict[str, bytes]) -> None:
    assert five.total(hidden, five.posted(FIVE[:3], FIVE)) == SumFailure("shares", OF_THE_SUM)


def test_shares_of_another_set_do_not_open_a_sum(five: Encrypted, hidden: dict[str, bytes]) -> None:
    assert isinstance(five.total(hidden, five.posted(FIVE, FIVE[:4])), SumFailure)


def recovered(encrypted: Encrypted, target: str, colluders: Collection[str]) -> bool:
    """Whether colluders read one member's update with the shares of its key that they were dealt.

    The sum of the shares of one survivor alone is a holder's share of that member's key.
    """
    update = updates_of([target], SIZE)
    blob = encrypted.hidden(update)[target]
    agreement, ring = encrypted.agreement, encrypted.ring
    setting = PARAMETERS[ring]
    points: dict[int, Key] = {}
    for name, posted in encrypted.posted(colluders, [target]).items():
        share = decode_points(posted[OF_THE_SUM][-8 * setting.degree :], setting, setting.degree)
        assert share is not None
        points[agreement.share_holders.numbers[name]] = share
    ciphertext = [rows.astype(np.uint64) for rows in decode_encrypted(blob, SIZE, ring, 12)]
    matrix = _matrix(agreement.transcript(), ring, 1)
    key = interpolate(points, 0, setting)
    found = decrypt(ciphertext, matrix, key, ring, SIZE + 2, 1)
    return found is not None and found[:SIZE].view(np.int32).tolist() == update[target].tolist()


def test_threshold_many_colluders_read_an_update_and_one_fewer_do_not() -> None:
    encrypted = Encrypted(FIVE, 3)
    assert recovered(encrypted, "ada", ["bo", "cy", "di"])
    for colluders in combinations(FIVE[1:], 2):
        assert not recovered(encrypted, "ada", colluders)


def test_a_mutant_that_deals_with_a_lower_degree_is_caught_by_the_same_test() -> None:
    assert not recovered(Encrypted(FIVE, 4), "ada", FIVE[1:4])
    assert recovered(Encrypted(FIVE, 4, protocol=LowerDegree()), "ada", FIVE[1:4])


class LowerDegree(ThresholdHE):
    """Deals keys with polynomials of a degree less, so that t - 1 points give them."""

    def deal(self, own: OwnSecrets, share_holders: ShareHolders, member: str) -> bytes:
        return super().deal(own, lowered(share_holders), member)

    def protect(
        self, own: OwnSecrets, agreement: FixedDeals, member: str, vector: RingVector
    ) -> bytes:
        matrix = _matrix(agreement.transcript(), 32, 1)
        error = np.zeros(PARAMETERS[32].degree, np.int64)
        rows = encrypt(vector, matrix, key_of(own, lowered(agreement.share_holders), member), error)
        return encode_encrypted(rows, vector.size, 32, 12)

    def shares(
        self, own: OwnSecrets, agreement: FixedDeals, member: str, deals: Mapping[str, bytes],
        survivors: frozenset[str],
    ) -> dict[str, bytes]:  # fmt: skip
        lower = replace(agreement, share_holders=lowered(agreement.share_holders))
        return super().shares(own, lower, member, deals, survivors)


def lowered(share_holders: ShareHolders) -> ShareHolders:
    return replace(share_holders, threshold=share_holders.threshold - 1)


def test_a_dealer_of_a_lower_degree_is_refused_by_every_holder(five: Encrypted) -> None:
    """Its points lie on polynomials that fewer could open; the proof has the asked length."""
    lower = replace(five.share_holders, threshold=3)
    deal = THRESHOLD_HE.deal(five.own["ada"], lower, "ada")
    for name in FIVE:
        assert not THRESHOLD_HE.is_sound(five.own[name], five.share_holders, "ada", name, deal)


def test_a_wrong_share_is_left_out_and_its_holder_named(
    five: Encrypted, hidden: dict[str, bytes], values: Updates
) -> None:
    for liar in FIVE:
        posted = five.posted(FIVE, FIVE)
        share = bytearray(posted[liar][OF_THE_SUM])
        share[-4] ^= 1
        posted[liar] = {OF_THE_SUM: bytes(share)}
        found = read_total(five.total(hidden, posted), 5, 5)
        assert found.values.tolist() == plain_sum(values)
        assert five.forged(hidden, posted) == [liar]


def test_a_share_of_another_form_is_left_out_and_its_holder_named(
    five: Encrypted, hidden: dict[str, bytes]
) -> None:
    posted = five.posted(FIVE, FIVE)
    posted["bo"] = {OF_THE_SUM: posted["bo"][OF_THE_SUM][:-1]}
    assert not isinstance(five.total(hidden, posted), SumFailure)
    assert five.forged(hidden, posted) == ["bo"]


def test_too_many_wrong_shares_open_nothing_and_name_nobody(
    five: Encrypted, hidden: dict[str, bytes]
) -> None:
    posted = five.posted(FIVE, FIVE)
    for liar in ("ada", "bo"):
        posted[liar] = {OF_THE_SUM: posted["cy"][OF_THE_SUM]}
    assert isinstance(five.total(hidden, posted), SumFailure)
    assert five.forged(hidden, posted) == []


def test_two_holders_in_league_cannot_have_an_honest_one_named() -> None:
    """Their errors cancel at 0, so the sum opens, and honest shares lie beside their polynomial."""
    six = Encrypted([*FIVE, "flo"], 3)
    values = updates_of(six.names, SIZE)
    hidden, posted = six.hidden(values), six.posted(six.names, six.names)
    setting = PARAMETERS[32]
    for index, prime in enumerate(setting.primes):
        for name in ("ada", "bo"):  # the weights at 0 of holders 1, 2 and 3 are 3, -3 and 1
            share = _read(posted[name][OF_THE_SUM])
            share[index][0] = (share[index][0] + np.uint64(1)) % np.uint64(prime)
            posted[name] = {OF_THE_SUM: encode_share(share)}
    found = read_total(six.total(hidden, posted), 6, 6)
    assert found.values.tolist() == plain_sum(values)
    assert six.forged(hidden, posted) == ["ada", "bo"]


def _read(share: bytes) -> Key:
    setting = PARAMETERS[32]
    found = decode_points(share[-8 * setting.degree :], setting, setting.degree)
    assert found is not None
    return [row.copy() for row in found]


def test_a_dealer_that_cheats_one_holder_is_refused_by_it_alone(five: Encrypted) -> None:
    deal = bytearray(five.deals["ada"])
    deal[-4] ^= 1
    sound = {
        name: THRESHOLD_HE.is_sound(five.own[name], five.share_holders, "ada", name, bytes(deal))
        for name in FIVE
    }
    assert sound == {"ada": True, "bo": True, "cy": True, "di": True, "ed": False}


@pytest.mark.parametrize("cut", [0, 10, 40, -1])
def test_a_deal_of_another_form_is_unsound(five: Encrypted, cut: int) -> None:
    blob = five.deals["ada"][:cut]
    assert not THRESHOLD_HE.is_sound(five.own["bo"], five.share_holders, "ada", "bo", blob)


def test_a_holder_that_cannot_use_a_survivors_deal_posts_nothing(five: Encrypted) -> None:
    deals = {name: deal for name, deal in five.deals.items() if name != "ed"}
    agreement = five.agreement
    own = five.own["bo"]
    assert THRESHOLD_HE.shares(own, agreement, "bo", deals, frozenset(FIVE)) == {}
    assert THRESHOLD_HE.shares(own, agreement, "bo", deals, frozenset(FIVE[:4]))


@pytest.mark.parametrize("size", [SIZE - 1, SIZE + 1, 2048])
def test_an_update_of_another_size_is_refused(hidden: dict[str, bytes], size: int) -> None:
    with pytest.raises(FormatError):
        THRESHOLD_HE.check(hidden["ada"], size, 32, 12)
    THRESHOLD_HE.check(hidden["ada"], SIZE, 32, 12)


@pytest.mark.parametrize("change", ["ring", "exponent", "short", "long", "large"])
def test_an_update_of_another_form_is_refused(hidden: dict[str, bytes], change: str) -> None:
    blob, ring, exponent = hidden["ada"], 32, 12
    match change:
        case "ring":
            ring = 64
        case "exponent":
            exponent = 11
        case "short":
            blob = blob[:-1]
        case "long":
            blob += b"\0"
        case _:
            blob = blob[:-4] + b"\xff" * 4
    with pytest.raises(FormatError):
        THRESHOLD_HE.check(blob, SIZE, ring, exponent)


def test_a_member_that_saw_another_model_spoils_the_sum_and_shows_nothing(
    five: Encrypted, hidden: dict[str, bytes], values: Updates
) -> None:
    crafted = replace(five.agreement, model=bytes(32))
    other = THRESHOLD_HE.protect(five.own["cy"], crafted, "cy", residues(values["cy"], 1, 32))
    found = five.total({**hidden, "cy": other}, five.posted(FIVE, FIVE))
    assert isinstance(found, SumFailure)


def test_no_two_attempts_share_a_key_or_noise(five: Encrypted, hidden: dict[str, bytes]) -> None:
    again = Encrypted(FIVE, 4, place=replace(PLACE, attempt=3))
    again.own = dict(five.own)  # even where a member's secrets were used again
    again.deals = {
        name: THRESHOLD_HE.deal(again.own[name], again.share_holders, name) for name in FIVE
    }
    assert again.deals["ada"] != five.deals["ada"]
    zero = {"ada": np.zeros(SIZE, np.int16)}
    one, two = five.hidden(zero)["ada"], again.hidden(zero)["ada"]
    differ = np.frombuffer(one[-2048:], "<u4") != np.frombuffer(two[-2048:], "<u4")
    assert differ.mean() > 0.99
    fewer = Encrypted(FIVE[:4], 4)  # nor do two views of who is in the circle
    assert (
        THRESHOLD_HE.deal(five.own["ada"], fewer.share_holders, "ada")[-99:]
        != five.deals["ada"][-99:]
    )


def test_the_same_is_sent_whenever_it_is_made_again(
    five: Encrypted, hidden: dict[str, bytes], values: Updates
) -> None:
    assert five.hidden(values) == hidden
    assert THRESHOLD_HE.deal(five.own["ada"], five.share_holders, "ada") == five.deals["ada"]
