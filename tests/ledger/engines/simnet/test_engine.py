"""A study on the simulated network: one model, counts, virtual time, going on after a crash."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import collegium
from collegium.errors import CollegiumError
from collegium.ledger.engines.simnet.engine import SIMNET
from collegium.ledger.engines.simnet.record import NAME, Committed, Record
from collegium.ledger.frames import BLOCK, ENTRY, decode_block, decode_entry, read_frames
from collegium.ledger.genesis import decode_genesis
from collegium.ledger.ordering import LEDGER, NotYet, Ordered, Simulating
from collegium.measuring.result import RunResult
from collegium.plugins import names
from collegium.report.measurements import RoundLine, read_lines
from collegium.study.reading import read_study

MESSAGES = {"pbft": 84, "tendermint": 90, "hotstuff": 48, "raft": 12}
SPENT = ("compute", "transfer", "consensus", "crypto")
STUDY = ("training.rounds=3", "consensus.validators=7")


def run(folder: Path, *changes: str, study: str = "heart10") -> RunResult:
    return collegium.run(study, out=folder, changes=[*STUDY, *changes])


@pytest.fixture(scope="module")
def solo(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return run(tmp_path_factory.mktemp("solo") / "run")


@pytest.mark.parametrize("protocol", names("protocols"))
def test_every_protocol_ends_in_the_model_of_solo_and_verifies(
    protocol: str, solo: RunResult, tmp_path: Path
) -> None:
    result = run(tmp_path / "run", "consensus.engine=simnet", f"consensus.protocol={protocol}")
    assert result.model == solo.model
    assert collegium.verify(tmp_path / "run").ok
    found = result.measured.consensus
    assert found is not None
    assert (found.protocol, found.validators, found.modelled) == (protocol, 7, True)
    if protocol in MESSAGES:
        assert found.messages == found.commits * MESSAGES[protocol]
    kept = read_lines(result.folder / "metrics.jsonl")
    lines = [one for one in kept if isinstance(one, RoundLine)]
    assert all(one.virtual and one.virtual["consensus"] > 0 for one in lines)
    assert sum(sum((one.virtual or {}).values()) for one in lines) <= found.virtual_seconds
    assert all(one.joules and min(one.joules[name] for name in SPENT) > 0 for one in lines)
    assert found.joules is not None
    assert sum(sum((one.joules or {}).values()) for one in lines) <= found.joules.marginal
    assert found.joules.idle == pytest.approx(10 * 30 * found.virtual_seconds), "ten servers"
    assert found.co2e_g == pytest.approx((found.joules.marginal + found.joules.idle) / 3.6e6 * 436)


@pytest.mark.parametrize("protocol", names("protocols"))
def test_a_log_that_is_submitted_entry_by_entry_ends_in_its_application_hash(
    protocol: str, solo: RunResult, tmp_path: Path
) -> None:
    frames = list(read_frames((solo.folder / LEDGER).read_bytes()))
    genesis = decode_genesis(frames[0].body)
    changes = [*STUDY, "consensus.engine=simnet", f"consensus.protocol={protocol}"]
    study = read_study("heart10", changes)
    ordering = SIMNET.simulate(Simulating(tmp_path / LEDGER, genesis, {}, study.study, print))
    try:
        for frame in frames:
            if frame.kind != ENTRY:
                continue
            envelope = decode_entry(frame.body)[0]
            answer = ordering.submit([envelope])[0]
            while isinstance(answer, NotYet):
                ordering.step(0)
                answer = ordering.submit([envelope])[0]
            assert isinstance(answer, Ordered)
        assert ordering.application.application_hash().hex() == solo.app_hash
    finally:
        ordering.close()


class Interrupted(Exception):
    """Raised where a run breaks off."""


@pytest.mark.parametrize("protocol", names("protocols"))
def test_a_run_that_broke_off_goes_on_to_the_same_ledger_and_the_same_figures(
    protocol: str, tmp_path: Path
) -> None:
    changes = [*STUDY, "consensus.engine=simnet", f"consensus.protocol={protocol}"]
    changes += ["network.loss=0.05", "network.preset=metro"]
    whole = collegium.run("heart10", out=tmp_path / "whole", changes=changes)

    def break_off(closed: int, rounds: int) -> None:
        if closed == 2:
            raise Interrupted

    with pytest.raises(Interrupted):
        collegium.run("heart10", out=tmp_path / "run", changes=changes, progress=break_off)
    assert (tmp_path / "run" / NAME).exists()
    again = collegium.run("heart10", out=tmp_path / "run", changes=changes, resume=True)
    assert (whole.folder / LEDGER).read_bytes() == (again.folder / LEDGER).read_bytes()
    assert whole.measured.consensus == again.measured.consensus
    lines = [
        [
            {name: round(spent, 6) for name, spent in told.items()}
            for one in read_lines(folder / "metrics.jsonl")
            if isinstance(one, RoundLine)
            for told in (one.virtual or {}, one.joules or {})
        ]
        for folder in (whole.folder, again.folder)
    ]
    assert lines[0] == lines[1]
    assert not (again.folder / NAME).exists()


def test_a_run_that_broke_off_between_two_blocks_of_one_moment_goes_on_with_the_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proof of stake makes several blocks final at once; the ledger may have some of them."""
    changes = [*STUDY, "consensus.engine=simnet", "consensus.protocol=pos"]
    changes += ["consensus.block_bytes=1024", "training.rounds=1"]
    whole = collegium.run("heart10", out=tmp_path / "whole", changes=changes)
    committed, last = Record.committed, 0

    def break_off(record: Record, line: Committed) -> None:
        nonlocal last
        if line.events == last:
            raise Interrupted
        last = line.events
        committed(record, line)

    with monkeypatch.context() as patched:
        patched.setattr(Record, "committed", break_off)
        with pytest.raises(Interrupted):
            collegium.run("heart10", out=tmp_path / "run", changes=changes)
    again = collegium.run("heart10", out=tmp_path / "run", changes=changes, resume=True)
    assert (whole.folder / LEDGER).read_bytes() == (again.folder / LEDGER).read_bytes()
    assert whole.measured.consensus == again.measured.consensus


def test_who_is_cut_off_is_not_asked_until_it_has_what_the_others_have(tmp_path: Path) -> None:
    plain = run(tmp_path / "plain", "consensus.engine=simnet")
    cut = 'network.partitions=[{start = 1, end = 90, sites = ["cleveland-1", "cleveland-2"]}]'
    result = run(tmp_path / "run", "consensus.engine=simnet", cut)
    assert result.model == plain.model
    assert result.measured.consensus is not None
    assert plain.measured.consensus is not None
    assert result.measured.consensus.virtual_seconds > 90 > plain.measured.consensus.virtual_seconds


def test_validators_that_stop_for_good_hold_up_nobody(tmp_path: Path) -> None:
    plain = run(tmp_path / "plain", "consensus.engine=simnet")
    down = 'network.crashes=[{site = "cleveland-1", start = 3}, {site = "hungarian-1", start = 5}]'
    result = run(tmp_path / "run", "consensus.engine=simnet", down)
    assert result.model == plain.model
    assert result.measured.consensus is not None
    assert result.measured.consensus.view_changes > 0


def test_an_interval_between_blocks_takes_time_and_idle_joules_and_no_leader_is_suspected(
    tmp_path: Path,
) -> None:
    plain = run(tmp_path / "plain", "consensus.engine=simnet")
    slow = run(tmp_path / "slow", "consensus.engine=simnet", "consensus.block_interval=2")
    assert slow.model == plain.model
    one, other = plain.measured.consensus, slow.measured.consensus
    assert one is not None
    assert other is not None
    assert other.view_changes == 0
    assert other.commits < one.commits
    assert other.virtual_seconds > 2 * (other.commits - 1)
    assert one.joules is not None
    assert other.joules is not None
    assert other.joules.idle > 3 * one.joules.idle
    assert other.joules.marginal < one.joules.marginal, "fewer blocks, fewer messages"


def test_a_stake_that_is_delegated_counts_at_another_sites_validator(tmp_path: Path) -> None:
    others = [f"{city}-{at}" for city in ("cleveland", "hungarian") for at in (2, 3)]
    delegations = ", ".join(f'{one} = "cleveland-1"' for one in others)
    result = run(
        tmp_path / "run", "consensus.engine=simnet", "consensus.protocol=pos",
        f"consensus.delegations={{{delegations}}}", "training.rounds=1",
    )  # fmt: skip
    frames = read_frames((result.folder / LEDGER).read_bytes())
    blocks = [decode_block(one.body) for one in frames if one.kind == BLOCK]
    proposed = Counter(block.proposer for block in blocks)
    assert not proposed.keys() & set(others)
    assert len(proposed) == 3
    assert proposed["cleveland-1"] > len(blocks) / 2, "five sevenths of the stake"


@pytest.mark.parametrize(
    ("delegations", "words"),
    [('"va-9" = "cleveland-1"', "no site is called"), ('"va-1" = "cleveland-1"', "no validator"),
     ('"cleveland-1" = "va-1"', "no validator")],
)  # fmt: skip
def test_a_stake_is_delegated_by_a_validator_and_to_one(
    delegations: str, words: str, tmp_path: Path
) -> None:
    changes = ["consensus.engine=simnet", "consensus.protocol=pos", "consensus.validators=7"]
    with pytest.raises(CollegiumError, match=words):
        run(tmp_path, *changes, f"consensus.delegations={{{delegations}}}")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("consensus.protocol=pbft", "does not go with the engine"),
        ("network.preset=lan", "does not go with the engine"),
        ("consensus.block_interval=3", "does not go with the engine"),
        ("devices.machine=phone", "does not go with the engine"),
    ],
)
def test_what_is_simulated_is_refused_elsewhere(change: str, words: str) -> None:
    with pytest.raises(CollegiumError, match=words):
        read_study("heart", [change])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("consensus.protocol=pbtf", "pbft"),
        ('consensus.delegations={"va-1" = "hungarian-1"}', "cannot be delegated"),
        ("network.partitions=[{start = 1, end = 2, sites = []}]", "partition of nobody"),
        ('network.partitions=[{start = 2, end = 1, sites = ["va"]}]', "from 2"),
        ("network.loss=1", "network.loss"),
        ("network.preset=moon", "lan"),
        ("devices.machine=phon", "phone"),
        ("devices.link=wify", "wifi"),
        ("devices.grid=-1", "devices.grid"),
        ('devices.others=[{machine = "pi", sites = ["va"]}]', "raspberry_pi_4"),
    ],
)
def test_networks_that_cannot_be_are_refused(change: str, words: str) -> None:
    with pytest.raises(CollegiumError) as refused:
        read_study("heart", ["consensus.engine=simnet", change])
    error = refused.value
    assert words in f"{error} {error.why} {error.todo}"
