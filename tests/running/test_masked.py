"""A study with masked updates ends as with plain ones, and nobody can cheat in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from collegium.audit.verify import verify
from collegium.running.execution import run

MASKED = 'privacy.secure_aggregation={ protocol = "secagg" }'
SHORT = ("training.rounds=3", "evaluation.bootstrap=0")


@pytest.mark.parametrize(
    "changes",
    [
        ("faults.dropout=0.2",),
        ("aggregation.exponent=16", "aggregation.server.optimizer=adam"),
        ("aggregation.exponent=20", "training.learning_rate=1.0"),
        ("training.client_fraction=0.5", "privacy.secure_aggregation.trust=honest_but_curious"),
    ],
    ids=["dropout", "adam and a changing exponent", "saturated", "half of the sites, curious"],
)
def test_masked_and_plain_updates_lead_to_one_model(
    tmp_path: Path, changes: tuple[str, ...]
) -> None:
    trust = [change for change in changes if "trust" in change]
    plain = run(
        "heart10", out=tmp_path / "plain", changes=(*SHORT, *set(changes).difference(trust))
    )
    masked = run("heart10", out=tmp_path / "masked", changes=(*SHORT, MASKED, *changes))
    assert masked.outcome == "completed"
    assert masked.model == plain.model
    found = verify(masked.folder)
    assert found.ok
    assert found.levels == {"recomputed": 3}
    assert not [one for one in found.findings if one.code.startswith(("share", "deal", "mask"))]
