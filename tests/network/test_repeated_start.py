"""Real members open no sum of a second study over others, from where the first one started."""

from __future__ import annotations

from pathlib import Path
from time import monotonic, sleep

import pytest
from tests.network.cables import change_settings
from tests.network.trials import LONGEST, MEMBERS, QUICK, no_progress, started, trial

from collegium.network.plan import planned
from collegium.network.record import home_of
from collegium.network.watch import statuses, study_of, wait_closed
from collegium.node.templates import policy_text

MASKED = 'privacy.secure_aggregation={ protocol = "secagg", trust = "honest_but_curious" }'
CHANGES = (*QUICK, "training.rounds=1", "study.min_sites=3", "study.max_attempts=1", MASKED)


@pytest.mark.long
def test_a_second_study_of_the_same_seed_without_one_hospital_comes_to_no_sum(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "trial"
    with trial(folder, CHANGES):
        for name in MEMBERS:
            allowed = ["heart"] if name == "va" else ["heart", "again"]
            policy = home_of(folder, name) / "policy.toml"
            policy.write_text(policy_text(allowed, minimum_rows=1))
            change_settings(folder, name, "phase = 30.0", "phase = 2.0")
        record = started(folder)
        assert wait_closed(folder, record, no_progress).outcome == "completed"
        again = planned("heart", None, [*CHANGES, "study.id=again", "consensus.engine=log"])
        owner = home_of(folder, "cleveland")
        (owner / "studies" / "again.toml").write_text(again.read.text)
        until, why = monotonic() + LONGEST, ""
        while monotonic() < until:
            status = statuses(folder, record)["hungarian"]
            why += "" if status is None else " ".join(map(str, status.errors.values()))
            seen = study_of(status, "again")
            if seen is not None and seen.phase == "closed":
                break
            sleep(0.2)
        assert seen is not None
        assert (seen.outcome, seen.closed_rounds) == ("failed", 0)
        assert "was opened over cleveland, hungarian, switzerland, va" in why
