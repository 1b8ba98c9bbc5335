"""Watching a trial ends: when it is over, when somebody dies, and when nothing happens any more."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from tests.network.perturbing import child_of
from tests.network.trials import FOR_ALL, no_progress, started, trial

from collegium.errors import RunError
from collegium.network.watch import wait_closed


@pytest.mark.long
def test_a_study_that_nobody_can_carry_on_is_given_up(tmp_path: Path) -> None:
    folder = tmp_path / "trial"
    with trial(folder, (*FOR_ALL, "training.rounds=2000")):
        record = started(folder)
        stopped = [child_of(folder, name).pid for name in ("va", "hungarian")]
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(RunError, match=r"network\.stalled") as caught:
                wait_closed(folder, record, no_progress, patience=2.0)
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        assert "va does not answer" in caught.value.why
        assert "cleveland (following) is in" in caught.value.why
