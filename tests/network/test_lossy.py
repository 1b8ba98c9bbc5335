"""Half a second of loss on one member's line, and a sequencer that is paused, over real processes.

What was lost is asked for again within seconds, so that nobody waits a minute for one member.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from time import monotonic, sleep

import pytest
from tests.network.cables import cables
from tests.network.perturbing import child_of
from tests.network.trials import FOR_ALL, started, trial

from collegium.network.record import NetworkRecord
from collegium.network.watch import statuses
from collegium.node.status import NodeStatus
from collegium.transport.log_engine import SEQUENCER

LONGEST_STALL = 12.0
"""Seconds; it was more than 60 where a member waited so long for an answer that was lost."""


def told(folder: Path, record: NetworkRecord) -> dict[str, NodeStatus]:
    """The status of every member that answers."""
    return {name: one for name, one in statuses(folder, record).items() if one is not None}


@pytest.mark.long
def test_nobody_waits_long_for_a_line_that_lost_packets_or_a_sequencer_that_is_paused(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "trial"
    with (
        trial(folder, (*FOR_ALL, "training.rounds=400")) as record,
        cables(folder, record) as ways,
    ):
        record = started(folder)
        until = monotonic() + 60
        while min((one.final_size for one in told(folder, record).values()), default=0) < 30:
            assert monotonic() < until
            sleep(0.1)
        ways["va"].lose()
        sleep(0.5)
        ways["va"].mend()
        assert ways["va"].lost, "something was lost"
        began, before = monotonic(), told(folder, record)["cleveland"].final_size
        while told(folder, record)["va"].final_size < before + 20:
            assert monotonic() < began + LONGEST_STALL, told(folder, record)
            sleep(0.1)
        print("stalled for", monotonic() - began)
        sequencer = child_of(folder, SEQUENCER)
        os.kill(sequencer.pid, signal.SIGSTOP)
        try:
            began = monotonic()
            while any(one.state != "away" for one in told(folder, record).values()):
                assert monotonic() < began + LONGEST_STALL, told(folder, record)
                sleep(0.1)
            print("told after", monotonic() - began)
        finally:
            os.kill(sequencer.pid, signal.SIGCONT)
        while any(one.state != "following" for one in told(folder, record).values()):
            assert monotonic() < began + 2 * LONGEST_STALL, told(folder, record)
            sleep(0.1)
