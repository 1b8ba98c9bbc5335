"""Hidden updates between real processes: the same model, and an outsider recomputes every round."""

from __future__ import annotations

from pathlib import Path

import pytest

from collegium.audit.trust import policy_root
from collegium.audit.verify import verify
from collegium.running.execution import run

pytestmark = pytest.mark.long

CHANGES = ("training.rounds=2", "evaluation.bootstrap=0", "study.attendance=all")


@pytest.mark.parametrize("protocol", ["secagg", "threshold_he"])
def test_members_that_hide_their_updates_end_in_the_model_of_plain_ones(
    tmp_path: Path, protocol: str
) -> None:
    plain = run("heart", out=tmp_path / "plain", changes=CHANGES)
    hides = f'privacy.secure_aggregation={{ protocol = "{protocol}" }}'
    changes = (*CHANGES, "consensus.engine=log", hides)
    masked = run("heart", out=tmp_path / "masked", changes=changes)
    assert masked.model == plain.model
    found = verify(masked.folder, trust=policy_root(masked.folder / "policy.json"))
    assert found.ok
    assert found.levels == {"recomputed": 2}, "an outsider needs no key of a member"
    assert found.checked["sums"] == 1
    (summed,) = found.sums
    assert summed.sites == ("cleveland", "hungarian", "switzerland", "va")
    told, pooled = masked.measured.federated, plain.measured.federated
    assert told is not None
    assert pooled is not None
    assert told.overall["auc"] == pytest.approx(pooled.overall["auc"], abs=0.002)
    assert told.overall["auc"] == summed.measures["auc"]
    assert told.overall["sensitivity"] == pytest.approx(pooled.overall["sensitivity"], abs=1e-12)
