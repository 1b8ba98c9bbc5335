"""An adversary acts in its rounds while they are open, and at all times where none are named."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.federation.kit import consortium, identity_of, until

from collegium.threats.attack import AdversaryContext


@pytest.mark.parametrize(
    ("rounds", "times"),
    [
        ((), ["setup", "1", "2", "evaluation", "closing"]),
        ((1,), ["1"]),
        ((2,), ["2"]),
        ((3,), []),
    ],
)
def test_an_adversary_keeps_to_its_rounds(
    tmp_path: Path, rounds: tuple[int, ...], times: list[str]
) -> None:
    with consortium(tmp_path) as within:
        place = AdversaryContext(identity_of(within, "va"), within.exchange, (), frozenset(rounds))
        found = []
        for phase, number in (
            ("setup", 0), ("commit", 1), ("vote", 1), ("commit", 2), ("vote", 2),
            ("evaluation", 0), ("closing", 0),
        ):  # fmt: skip
            if place.acts(until(within, phase, number)):
                found.append(str(number) if number else phase)
        assert list(dict.fromkeys(found)) == times
