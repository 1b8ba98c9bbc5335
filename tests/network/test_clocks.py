"""Clocks that are wrong by an hour or a year: it is told, nobody signs two things, and right clocks
mend it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

import pytest
from tests.commands import collegium, told
from tests.network.clocks import COMPILER, HOUR, YEAR, ahead, begin_ahead, built
from tests.network.perturbing import begin, child_of
from tests.network.trials import started, trial
from tests.operations.alert_rules import firing, scrape

from collegium.errors import NodeError, RunError
from collegium.network.processes import last_lines, stop
from collegium.network.record import home_of
from collegium.node.status import NodeStatus
from collegium.node.status_page import ask_status
from collegium.transport.log_engine import SEQUENCER
from collegium.transport.sequencer_status import ask_sequencer

CHANGES = ("training.rounds=100000", "evaluation.bootstrap=0", "study.attendance=quorum")

needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler here")


def until(home: Path, what: Callable[[NodeStatus], bool], seconds: float = 60) -> NodeStatus:
    """Wait for what a node's status says."""
    end = monotonic() + seconds
    while True:
        status = None
        with suppress(NodeError):  # it has only just been started
            status = ask_status(home)
            if what(status):
                return status
        assert monotonic() < end, status
        sleep(0.1)


def codes(kind: str, home: Path, shim: Path, seconds: int) -> dict[str, str]:
    """What a check finds wrong by a clock: severities by code."""
    done = collegium(kind, "check", home, "--json", cwd=home, env=ahead(shim, seconds))
    found = told(done, status=done.returncode)["findings"]
    assert "Traceback" not in done.stderr
    return {one["code"]: one["severity"] for one in found if one["code"]}


@pytest.mark.long
@needs_compiler
def test_a_wrong_clock_is_told_by_whoever_has_it_and_nobody_signs_two_things(
    tmp_path: Path,
) -> None:
    folder, shim = tmp_path / "trial", built(tmp_path)
    with trial(folder, CHANGES):
        started(folder)
        va, order = home_of(folder, "va"), folder / SEQUENCER

        for seconds, words in ((HOUR, "ahead of"), (-HOUR, "behind"), (YEAR, "ahead of")):
            stop([child_of(folder, "va")])
            begin_ahead(folder, "va", shim, seconds)
            status = until(va, lambda one: "clock" in one.errors)
            assert status.state == "following"
            assert words in status.errors["clock"]
            assert "SomethingFails" in firing(scrape(va), 1000)
            severity = "warning" if abs(seconds) == HOUR else "error"
            assert codes("node", va, shim, seconds)["transport.clock"] in (severity, "error")

        for seconds in (-YEAR, 3 * YEAR):
            stop([child_of(folder, "va")])
            begin_ahead(folder, "va", shim, seconds)
            status = until(va, lambda one: one.state == "away")
            assert "transport.untrusted" in (status.trouble or "")
            assert codes("node", va, shim, seconds)["transport.ended"] == "error"
        stop([child_of(folder, "va")])
        begin(folder, "va")
        until(va, lambda one: one.state == "following" and not one.errors)

        for seconds, why in ((-YEAR, "not yet valid"), (3 * YEAR, "expired")):
            stop([child_of(folder, SEQUENCER)])
            child = begin_ahead(folder, SEQUENCER, shim, seconds)
            until(va, lambda one: one.state == "away")
            end = monotonic() + 30
            refuses = ""
            while why not in refuses:
                assert monotonic() < end, refuses
                sleep(0.2)
                with suppress(RunError):
                    refuses = ask_sequencer(order).refuses
            said = collegium("sequencer", "status", order, cwd=tmp_path).stdout
            assert f"it refuses certificates: certificate {'has ' * (seconds > 0)}" in said
            assert any('"certificate refused"' in line for line in last_lines(child, 50))
            found = codes("sequencer", order, shim, seconds)
            assert found["transport.ended"] == "error"
            assert found["sequencer.refuses"] == "warning"
            assert ("transport.clock" in found) == (seconds < 0)
            trouble = ask_status(va).trouble or ""
            assert "both clocks" in trouble or "transport.untrusted" in trouble
            assert "Errno" not in trouble
        stop([child_of(folder, SEQUENCER)])
        begin(folder, SEQUENCER)
        for name in ("cleveland", "va"):
            status = until(home_of(folder, name), lambda one: one.state == "following")
            assert (status.equivocations, status.evidence) == ((), ())
        status = until(va, lambda one: one.final_size > status.final_size + 20)
        done = collegium("verify", va, "--home", va, "--partial", cwd=tmp_path)
        assert done.returncode == 0, done.stdout
