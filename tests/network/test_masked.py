"""Hidden updates between real processes: the same model, and an outsider recomputes every round."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from time import monotonic, sleep

import pytest
from tests.network.trials import LONGEST, QUICK, started, trial

from collegium.audit.trust import policy_root
from collegium.audit.verify import verify
from collegium.ledger.contract.series import is_sum
from collegium.network.trial import verify_members
from collegium.network.watch import statuses, study_of
from collegium.simulation.execution import run

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


def test_a_node_that_dies_after_masking_its_counts_takes_no_sum_with_it(tmp_path: Path) -> None:
    masked = 'privacy.secure_aggregation={ protocol = "secagg" }'
    folder, dead = tmp_path / "trial", False
    with trial(folder, (*QUICK, "training.rounds=1", masked)) as record:
        record = started(folder)
        (child,) = (one for one in record.children if one.name == "va")
        until = monotonic() + LONGEST
        while monotonic() < until:
            seen = study_of(statuses(folder, record)["hungarian"], record.study)
            if seen is not None and is_sum(seen.round) and seen.phase in ("reveal", "available"):
                if not dead:
                    os.kill(child.pid, signal.SIGKILL)
                dead = True
            if seen is not None and seen.phase == "closed":
                break
            sleep(0.01)
        found = verify_members(folder, record)["hungarian"]
    assert dead
    assert found.ok
    (summed,) = found.sums
    assert {"cleveland", "hungarian", "switzerland"} <= set(summed.sites)
    assert "va" in " ".join(one.what for one in found.findings)
