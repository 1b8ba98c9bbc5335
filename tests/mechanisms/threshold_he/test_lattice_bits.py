"""The lattices of encrypted sums, by an estimate that gives the published figures of Kyber."""

from __future__ import annotations

from math import log2, sqrt

import pytest
from tests.ledger.contract.kit import four_equals, only
from tests.ledger.contract.moves import come_to
from tests.mechanisms.threshold_he.test_rules import ENCRYPTED
from tools.lattice_bits import CLASSICAL, bits, block_size, dual_bits

from collegium.ledger.contract.apply import apply, initial_state
from collegium.ledger.contract.events import RoundOpened
from collegium.mechanisms.threshold_he.rlwe import PARAMETERS
from collegium.resolving.reading import attempt_in


@pytest.mark.parametrize(
    ("degree", "deviation", "published"), [(512, sqrt(1.5), 118), (768, 1, 182), (1024, 1, 256)]
)
def test_kyber_has_its_published_core_svp(degree: int, deviation: float, published: int) -> None:
    """Kyber's specification for round 3 (2021), table 4."""
    block = block_size(degree, log2(3329), deviation, degree + 256)
    assert CLASSICAL * block == pytest.approx(published, abs=1.2)
    assert dual_bits(degree, log2(3329), deviation, degree + 256) == pytest.approx(published, abs=4)


def test_the_narrow_ring_has_113_bits_and_the_wide_one_more_than_128() -> None:
    assert round(bits(PARAMETERS[32])) == 113
    assert bits(PARAMETERS[64]) > 128


@pytest.mark.parametrize(("contract", "ring"), [(1, 32), (2, 64)])
def test_new_ledgers_encrypt_in_a_safe_ring_only(contract: int, ring: int) -> None:
    world = come_to(four_equals(contract=contract), "sa.keys", **ENCRYPTED)
    state = initial_state(world.genesis)
    said = [one for data in world.accepted for one in apply(state, world.identity, data)[2]]
    opened = only(said, RoundOpened)
    assert opened.ring == ring
    attempt = attempt_in(world.state, opened.study, opened.round)
    assert attempt is not None
    assert attempt.ring == ring
