"""Attackers see what they are granted, and try the very defence that judges them."""

from __future__ import annotations

import numpy as np
import pytest
from tests.threats.kit import EVERYTHING, observation

from collegium.learning.aggregation.composition import rule_called
from collegium.learning.aggregation.next_model import next_model
from collegium.learning.aggregation.updates import Contribution
from collegium.learning.blobs import ModelState, TensorSpec, digest, encode_update
from collegium.learning.encoding import in_range
from collegium.learning.server import AVERAGE
from collegium.study.document import Server
from collegium.threats.threat_model import ADAPTS, CAN, KNOWS, ThreatModel

RULES = ("fedavg", "nnm+trimmed_mean", "krum", "arc+median", "flame", "dnc")


@pytest.mark.parametrize(
    ("what", "needed"),
    [("honest", "honest"), ("mean", "honest"), ("tolerated", "rule"), ("rule", "rule"),
     ("last_move", "published")],
)  # fmt: skip
def test_what_is_not_granted_cannot_be_seen(what: str, needed: str) -> None:
    getattr(observation(), what)
    rest = [one for one in EVERYTHING if one != needed]
    with pytest.raises(LookupError, match=needed):
        getattr(observation(knowledge=rest), what)


@pytest.mark.parametrize("rule", RULES)
def test_the_defence_that_attackers_try_gives_what_validators_recompute(rule: str) -> None:
    tolerate = 0 if rule == "fedavg" else 2
    seen = observation(rule, tolerate=tolerate)
    sent = np.stack([np.full(14, 7000, np.int16), np.full(14, -300, np.int16)])
    everybody = [*seen.honest, *sent]
    contributions = [Contribution(digest(encode_update(one, 12)), one) for one in everybody]
    start = ModelState((TensorSpec("w", (14,)),), np.zeros(14, np.float32), "none@1", 0, ())
    after = next_model(
        start, contributions, tuple(range(1, 11)), seen.participants, 12, rule_called(rule),
        tolerate, AVERAGE, Server(),
    )  # fmt: skip
    assert np.allclose(after.parameters, seen.aggregate(sent) / 4096, atol=1e-6)
    assert seen.displacement(sent) == pytest.approx(
        np.linalg.norm(seen.aggregate(sent) - seen.honest.mean(axis=0))
    )


def test_how_the_model_moved_is_told_in_units_of_the_encoding() -> None:
    assert observation().last_move is None
    moved = observation(earlier=np.full(14, -0.5, np.float32)).last_move
    assert moved is not None
    assert set(moved.tolist()) == {2048.0}


def test_a_vector_out_of_range_is_cut_off() -> None:
    assert in_range(np.array([1e9, -1e9, 0.5, 1.5]), 0).tolist() == [32767, -32767, 0, 2]


def test_a_grant_is_told_in_full_sentences() -> None:
    everything = ThreatModel(
        "a worse model", tuple(KNOWS), tuple(CAN), "defence-aware", together=True
    )
    told = dict(everything.words())
    assert all(words in told["Knows"] for words in KNOWS.values())
    assert all(words in told["Can"] for words in CAN.values())
    assert ADAPTS["defence-aware"] in told["Adapts"]
