"""Counts under masks: their exact sum, who drops out, who lies, and who looks for another's."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np
import pytest
from tests.secrecy.circles import MODEL, PLACE, secrets_of

from collegium.errors import FormatError
from collegium.mechanisms.secagg.protocol import SECAGG
from collegium.mechanisms.sums.counted import RING, Counts, counted, total_counts
from collegium.secrecy.masked import encode_masked
from collegium.secrecy.secure_sum import SumFailure
from collegium.secrecy.sum_setup import FixedDeals, ShareHolders
from collegium.secrecy.sums import InconsistentSum, SumInputs

NAMES = ["ada", "bo", "cy", "di", "eve"]
LARGEST = np.array([1000, 1000, 1 << 50], np.int64)
HONEST = {name: np.array([index, 7, 1 << 40]) for index, name in enumerate(NAMES, 1)}


@dataclass(slots=True)
class Sum:
    """An exchange of counts among five sites of whom four open a secret."""

    counts: dict[str, Counts] = field(default_factory=lambda: dict(HONEST))
    hidden: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, one in self.counts.items():
            own, vector = secrets_of(name), counted(one, LARGEST)
            self.hidden[name] = SECAGG.protect(own, self.agreement, name, vector)

    @property
    def circle(self) -> ShareHolders:
        keys = {name: SECAGG.advertise(secrets_of(name)) for name in NAMES}
        return ShareHolders(PLACE, 4, keys, RING)

    @property
    def deals(self) -> dict[str, bytes]:
        return {name: SECAGG.deal(secrets_of(name), self.circle, name) for name in NAMES}

    @property
    def agreement(self) -> FixedDeals:
        digests = {name: sha256(deal).digest() for name, deal in self.deals.items()}
        return FixedDeals(self.circle, MODEL, 0, RING, digests)

    def sealed(self, survivors: list[str], holders: list[str]) -> SumInputs:
        fixed = frozenset(survivors)
        posted = {
            name: SECAGG.shares(secrets_of(name), self.agreement, name, self.deals, fixed)
            for name in holders
        }
        hidden = {name: self.hidden[name] for name in survivors}
        return SumInputs(
            self.agreement, dict.fromkeys(survivors, 1), hidden, self.deals, posted, {}
        )

    def total(
        self, survivors: list[str], holders: list[str]
    ) -> Counts | SumFailure | InconsistentSum:
        return total_counts(SECAGG, self.sealed(survivors, holders), LARGEST)


def test_the_sum_is_exact_and_whoever_dropped_out_after_masking_is_not_in_it() -> None:
    everybody = Sum().total(NAMES, NAMES)
    assert isinstance(everybody, np.ndarray)
    assert everybody.tolist() == [15, 35, 5 << 40]
    without = Sum().total(NAMES[:4], NAMES[:4])
    assert isinstance(without, np.ndarray)
    assert without.tolist() == [10, 28, 4 << 40]


def test_members_below_the_threshold_open_nothing() -> None:
    """Three of five who put their shares together to see one site's counts get no further."""
    found = Sum().total(["eve"], NAMES[:3])
    assert isinstance(found, SumFailure)
    assert found.why == "shares"


def test_a_hidden_vector_shows_nothing_of_its_counts() -> None:
    first = np.frombuffer(Sum().hidden["ada"][-40:], "<u8")
    other = Sum(counts={**HONEST, "ada": np.array([999, 999, 1])})
    second = np.frombuffer(other.hidden["ada"][-40:], "<u8")
    assert np.array_equal((second - first)[:2].view(np.int64), [998, 992]), "one mask, two vectors"
    assert first.min() > 1 << 40, "and nobody sees two: each alone is as good as random"


@pytest.mark.parametrize("counts", [[-5, 7, 0], [1 << 40, 7, 0]], ids=["negative", "too many"])
def test_honest_sites_cut_to_the_range_and_say_so(counts: list[int]) -> None:
    vector = counted(np.array(counts), LARGEST)
    assert vector[:-2].max() <= LARGEST.max()
    assert vector[-1] == 1


@pytest.mark.parametrize(
    "place", range(5), ids=["a count", "another", "a sum", "sites", "cut ones"]
)
def test_a_site_that_lies_beyond_the_range_makes_the_sum_none(place: int) -> None:
    lying = Sum()
    vector = counted(HONEST["cy"], LARGEST)
    vector[place] += np.uint64(1 << 60)
    lying.hidden["cy"] = SECAGG.protect(secrets_of("cy"), lying.agreement, "cy", vector)
    found = lying.total(NAMES, NAMES)
    assert isinstance(found, InconsistentSum)
    assert found.why == "range"


def test_a_vector_of_another_length_is_refused_before_anything_is_opened() -> None:
    for data in (Sum().hidden["ada"][:-8], encode_masked(np.zeros(6, np.uint64), 0)):
        with pytest.raises(FormatError):
            SECAGG.check(data, LARGEST.size, RING, 0)
    with pytest.raises(FormatError):
        SECAGG.check(Sum().hidden["ada"], LARGEST.size, 32, 0)
    with pytest.raises(FormatError):
        SECAGG.check(Sum().hidden["ada"], LARGEST.size, RING, 1)
    SECAGG.check(Sum().hidden["ada"], LARGEST.size, RING, 0)
