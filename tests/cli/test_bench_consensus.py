"""`collegium bench consensus`: rows, a page, and a trial that happens again."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Call
from tests.commands import diagnosis, told

from collegium.consensus.machine import ConsensusProtocol
from collegium.consensus.trials import failing_trials, run_trial, trial_command
from collegium.plugins import find

SMALL = (
    "bench", "consensus", "--protocols", "pbft", "--validators", "4", "--transactions", "5",
    "--seeds", "1",
)  # fmt: skip


def test_it_tells_a_line_a_cell_what_holds_of_the_claims_and_where_the_page_is(
    call: Call, tmp_path: Path
) -> None:
    done = call(*SMALL, "--faults", "crash,none", "--out", "bench")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    words = " ".join(lines[0].split())
    assert words.startswith("pbft 4 validators, wan, without faults: ")
    assert "24 messages a block" in lines[0]
    assert "while some are down" in lines[1]
    assert lines[2].startswith("not decided: PBFT commits")
    assert (tmp_path / "bench" / "index.html").is_file()
    found = told(call(*SMALL, "--out", "bench", "--json"))
    assert found["rows"][0]["messages"] == 24 * found["rows"][0]["commits"]
    assert found["modelled"] is True
    assert found["folder"] == "bench"


@cache
def broken() -> int:
    """A trial in which one liar more than PBFT bears has two blocks decided."""
    pbft: ConsensusProtocol = find("protocols", "pbft")
    return next(one for one in range(200) if run_trial(pbft, one, beyond=1).violations)


def test_a_trial_is_told_and_fails_where_it_does_not_hold(call: Call) -> None:
    words = ("bench", "consensus", "--protocols", "pbft", "--trial", broken())
    assert call(*words).returncode == 0
    done = call(*words, "--beyond", 1)
    assert done.returncode == 1
    assert "VIOLATED: two blocks decided at height" in done.stdout
    found = told(call(*words, "--beyond", 1, "--json"), status=1)
    assert found["trials"][0]["violations"][0]["what"] == "two blocks decided"


def test_a_failing_trial_is_named_by_the_command_that_repeats_it_event_by_event(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert failing_trials("pbft", range(2)) == []
    with monkeypatch.context() as changed:
        changed.setattr("collegium.consensus.trials.PATIENCE", 1)
        assert failing_trials("pbft", [3]) == [trial_command("pbft", 3)]
    seed, events = broken(), list[str]()
    run_trial(find("protocols", "pbft"), seed, beyond=1, watch=events.append)
    done = call(*trial_command("pbft", seed, beyond=1).split()[1:])
    assert done.stdout.splitlines()[: len(events)] == events


def test_a_trial_of_another_kind_is_repeated_by_its_command_too(call: Call) -> None:
    how: dict[str, Any] = {
        "options": {"confirmations": 2}, "interval": 500_000, "weighted": True, "beyond": 1,
    }  # fmt: skip
    seed = next(
        one for one in range(50) if not run_trial(find("protocols", "pow"), one, **how).holds
    )
    events: list[str] = []
    run_trial(find("protocols", "pow"), seed, watch=events.append, **how)
    done = call(*trial_command("pow", seed, **how).split()[1:])
    assert done.returncode == 1
    assert done.stdout.splitlines()[: len(events)] == events


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--validators", "four"), ("--validators", "1"), ("--validators", "4.5"),
        ("--presets", "moon"), ("--intervals", "-1"), ("--faults", "rain"), ("--beyond", "1"),
        ("--option", "height=1"), ("--option", "confirmations=1"),
    ],
)  # fmt: skip
def test_odd_cells_are_refused(call: Call, option: str, value: str) -> None:
    assert diagnosis(call(*SMALL, option, value))[0] == "command.usage"


def test_an_unknown_protocol_is_answered_with_the_nearest_one(call: Call) -> None:
    assert diagnosis(call("bench", "consensus", "--protocols", "pbtf"))[0] == "plugin.unknown"
