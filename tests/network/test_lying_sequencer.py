"""A sequencer that lies over the real port: no member takes a fork, and what proves it is kept.

Where it lied to everybody the study stands still; from any member's copy an honest one goes on,
and the study ends in the model of the simulation.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from time import monotonic, sleep

import pytest
from tests.commands import collegium as collegium_says
from tests.commands import environment
from tests.network.liar import KEPT, put_liar
from tests.network.perturbing import begin, kill
from tests.network.trials import MEMBERS, no_progress, started, trial
from tests.threats.unmasking import Unmasker

from collegium.audit.inclusion_promise import read_promise
from collegium.audit.invalid_block import check_block
from collegium.ledger.engines.log.evidence import read_fork
from collegium.ledger.engines.log.log_copy import open_log_copy
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.frames import ENTRY, decode_entry, read_frames
from collegium.ledger.genesis import ORDERED_WITHIN, Genesis, encode_genesis, genesis_digest
from collegium.ledger.ordering import LEDGER
from collegium.network.record import NetworkRecord, home_of, read_record
from collegium.network.trial import stop_all, verify_members
from collegium.network.watch import statuses, wait_closed
from collegium.node.home import read_genesis
from collegium.simulation.execution import run
from collegium.transport.home import BLOBS
from collegium.transport.log_engine import SEQUENCER

ALL = ("evaluation.bootstrap=0", "study.attendance=all", "training.rounds=4")
ROOT = Path(__file__).parents[2]
LIAR = "liar"
FROM = 20
"""Entries that are final before it lies: the second round is open."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The model that the simulation comes to."""
    return run("heart", out=tmp_path_factory.mktemp("solo") / "run", changes=ALL).model


@contextmanager
def lied_to(
    folder: Path, lie: str, victims: tuple[str, ...] = (), changes: tuple[str, ...] = ALL
) -> Iterator[NetworkRecord]:
    """Members that train with a liar."""
    with trial(folder, changes):
        put_liar(folder, lie, str(FROM), *victims)
        if lie == "silence":
            for name in MEMBERS:
                path = home_of(folder, name) / "node.toml"
                shared = json.dumps((folder / "store").absolute().as_uri())
                path.write_text(path.read_text().replace('store = "relay"', f"store = {shared}"))
        if lie == "unmask":  # honest timers end the attempts
            for name in MEMBERS:
                path = home_of(folder, name) / "node.toml"
                path.write_text(path.read_text().replace("phase = 30.0", "phase = 4.0"))
        yield started(folder)


def go_on_from(folder: Path, member: str) -> NetworkRecord:
    """End the liar, and start an honest sequencer from a member's copy, as its operator would."""
    kill(folder, SEQUENCER)
    (folder / SEQUENCER).rename(folder / LIAR)
    for name in ("authority", "tls", "keys"):
        shutil.copytree(folder / LIAR / name, folder / SEQUENCER / name)
    for name in ("sequencer.toml", "genesis.json"):
        shutil.copy(folder / LIAR / name, folder / SEQUENCER / name)
    begin(folder, SEQUENCER, more=("--from", str(home_of(folder, member))))
    return read_record(folder)


def evidence(folder: Path, member: str, kind: str, seconds: float = 60.0) -> Path:
    """Wait for a member's evidence of a kind, and return where it is."""
    until = monotonic() + seconds
    while not (found := list((home_of(folder, member) / "evidence").glob(f"{kind}-*"))):
        assert monotonic() < until, statuses(folder, read_record(folder))
        sleep(0.1)
    return found[0]


def genesis_of_a_third_party(folder: Path) -> Genesis:
    """The genesis as somebody else holds it."""
    return read_genesis(home_of(folder, "hungarian"))[0]


def require_no_fork(folder: Path) -> None:
    """Check that of two members' ledgers, without what is not final, one begins the other."""
    finals = []
    for name in MEMBERS:
        copied = folder / f"look-{name}"
        copied.mkdir()
        for file in (LEDGER, "final"):
            shutil.copy(home_of(folder, name) / file, copied / file)
        copy = open_log_copy(copied, genesis_of_a_third_party(folder), print)
        finals.append(copy.read(0, copy.final_size, most=None))
        copy.close()
        shutil.rmtree(copied)
    for shorter, longer in pairwise(sorted(finals, key=len)):
        assert longer.startswith(shorter)


def ended(folder: Path, record: NetworkRecord) -> str:
    """Wait for the study's end; return the model after everybody verified one ledger."""
    closed = wait_closed(folder, record, no_progress)
    assert closed.outcome == "completed"
    assert all(one.ok for one in verify_members(folder, record).values())
    stop_all(folder)
    assert len({(home_of(folder, name) / LEDGER).read_bytes() for name in MEMBERS}) == 1
    return closed.model


def a_stranger_says(
    found: Path, record: NetworkRecord, elsewhere: Path, what: str = "fork", *ledger: str
) -> object:
    """What a command says to somebody who has a copy of the folder, and the genesis digest."""
    copied = elsewhere / f"evidence-{len(list(elsewhere.iterdir()))}"
    shutil.copytree(found, copied)
    program = [sys.executable, "-m", "collegium", "audit", what]
    command = [*program, str(copied), *ledger, "--genesis"]
    done = subprocess.run(
        [*command, record.genesis, "--json"], env=environment(), capture_output=True, text=True,
        check=True, timeout=60,
    )  # fmt: skip
    return json.loads(done.stdout)


def names_the_log(folder: Path) -> bool:
    """Return whether evidence says in words that the log's key, or its sequencer, did it."""
    said = (folder / "what.txt").read_text()
    return "the log" in said or "its log" in said or "block" in said


@pytest.mark.long
@pytest.mark.parametrize("lie", ["equivocate", "reorder"])
def test_two_blocks_in_the_place_of_one_are_a_proof(tmp_path: Path, model: str, lie: str) -> None:
    folder = tmp_path / "trial"
    with lied_to(folder, lie, ("va",)) as record:
        found = evidence(folder, "va", "fork")
        fork = read_fork(found, bytes.fromhex(record.genesis))
        assert fork is not None
        assert names_the_log(found)
        assert a_stranger_says(found, record, tmp_path) == {
            "proven": True, "sizes": [fork.first.size, fork.second.size],
        }  # fmt: skip
        assert "ledger warning" in (home_of(folder, "va") / "node.log").read_text()
        require_no_fork(folder)
        assert ended(folder, record) == model, "the victim follows what a quorum has cosigned"
    for name in ("cleveland", "hungarian", "switzerland"):
        assert not (home_of(folder, name) / "evidence").exists()


def test_a_transaction_that_was_acknowledged_and_dropped_is_missed_by_all(
    tmp_path: Path, model: str
) -> None:
    folder = tmp_path / "trial"
    with lied_to(folder, "drop") as record:
        found = [evidence(folder, name, "*") for name in MEMBERS]
        forks = [one for one in found if one.name.startswith("fork-")]
        assert forks, "those who held the transaction have the proof of two histories"
        for one in forks:
            assert read_fork(one, bytes.fromhex(record.genesis)) is not None
        for one in found:  # who had not got it yet refuses the block, which does not follow
            assert names_the_log(one)
            assert one in forks or is_proof_of_a_bad_block(folder, one)
        require_no_fork(folder)
        for status in statuses(folder, read_record(folder)).values():
            assert status is not None
            assert status.state == "halted"
            assert "evidence" in (status.trouble or "")
        record = go_on_from(folder, "switzerland")
        until_following(folder, record)
        assert ended(folder, record) == model


@pytest.mark.long
def test_who_was_promised_a_place_and_did_not_get_it_proves_it(tmp_path: Path, model: str) -> None:
    folder = tmp_path / "trial"
    with lied_to(folder, "forget", ("va",)) as record:
        found = evidence(folder, "va", "promise")
        broken = read_promise(found, bytes.fromhex(record.genesis))
        assert broken is not None
        assert a_stranger_says(found, record, tmp_path, "promise") == {
            "proven": True, "index": broken.index, "promised": broken.promised.hex(),
            "found": broken.found.hex(),
        }  # fmt: skip
        assert '"event":"promise broken"' in (home_of(folder, "va") / "node.log").read_text()
        status = statuses(folder, record)["va"]
        assert status is not None
        assert "broke its word" in status.errors["sequencer"]
        assert "relay" in (status.silencing or ""), "here it could silence a member as well"
        assert ended(folder, record) == model, "it was handed over again, and nothing is lost"
    data = (home_of(folder, "hungarian") / LEDGER).read_bytes()
    entries = (decode_entry(one.body)[0] for one in read_frames(data) if one.kind == ENTRY)
    assert broken.promised in {decode_envelope(one).transaction_id for one in entries}
    for name in ("cleveland", "hungarian", "switzerland"):
        assert not (home_of(folder, name) / "evidence").exists()


def until_following(folder: Path, record: NetworkRecord) -> None:
    until = monotonic() + 60
    while True:
        found = statuses(folder, record).values()
        if all(one is not None and one.state == "following" for one in found):
            return
        assert monotonic() < until, found
        sleep(0.1)


@pytest.mark.long
def test_a_transaction_that_comes_twice_is_refused_with_its_block(
    tmp_path: Path, model: str
) -> None:
    folder = tmp_path / "trial"
    with lied_to(folder, "replay") as record:
        found = [evidence(folder, name, "block") for name in MEMBERS]
        for one in found:
            assert names_the_log(one)
            assert is_proof_of_a_bad_block(folder, one)
        home = str(home_of(folder, "hungarian"))
        told = a_stranger_says(found[0], record, tmp_path, "block", home)
        assert isinstance(told, dict)
        assert told["proven"] is True
        for one in found:
            typed = ("audit", "block", one.relative_to(tmp_path), "--genesis", record.genesis)
            done = collegium_says(*typed, cwd=tmp_path)
            assert (done.returncode, done.stdout[:7]) == (0, "PROVEN:"), done.stderr
        require_no_fork(folder)
        record = go_on_from(folder, "va")
        until_following(folder, record)
        assert ended(folder, record) == model


def is_proof_of_a_bad_block(folder: Path, found: Path) -> bool:
    """Whether the log's key signed a block that does not follow, by what another member holds."""
    identity = genesis_digest(encode_genesis(genesis_of_a_third_party(folder)))
    return check_block(found, home_of(folder, "hungarian"), identity).proven


@pytest.mark.long
def test_who_is_told_nothing_accepts_nothing_and_catches_up_with_an_honest_one(
    tmp_path: Path, model: str
) -> None:
    folder = tmp_path / "trial"
    with lied_to(folder, "withhold", ("va",)) as record:
        until = monotonic() + 60
        while True:
            found = statuses(folder, record)
            behind, ahead = found["va"], found["cleveland"]
            assert behind is not None
            assert ahead is not None
            if ahead.final_size >= FROM + 4 and ahead.pending == 0 and ahead.since_final > 1.5:
                break
            assert monotonic() < until, found
            sleep(0.1)
        assert behind.final_size < ahead.final_size
        assert behind.since_final > 1.0, "its status shows that nothing comes"
        require_no_fork(folder)
        record = go_on_from(folder, "cleveland")
        assert ended(folder, record) == model


@pytest.mark.long
def test_who_is_silenced_is_heard_or_nothing_more_is_final(tmp_path: Path) -> None:
    folder = tmp_path / "trial"
    changes = ("evaluation.bootstrap=0", "training.rounds=4")  # timers could end every phase
    with lied_to(folder, "silence", ("va",), changes) as record:
        found = {name: evidence(folder, name, "censored", 200.0) for name in MEMBERS}
        sizes, until = set(), monotonic() + 10
        while not all(one and one.errors for one in statuses(folder, record).values()):
            assert monotonic() < until
            sleep(0.1)
        for status in statuses(folder, record).values():
            assert status is not None
            assert status.silencing is None
            assert "va" in status.errors["cosigning"]
            assert {one.author for one in status.unordered} == {"va"}
            assert status.studies[0].phase != "closed"
            sizes.add(status.final_size)
        home = str(home_of(folder, "hungarian"))
        told = a_stranger_says(found["cleveland"], record, tmp_path, "censorship", home)
        assert isinstance(told, dict)
        assert (told["proven"], told["author"]) == (True, "va")
        assert told["blocks"] == ORDERED_WITHIN
        assert len(told["seen"]) >= 3
        require_no_fork(folder)
        assert len(sizes) == 1, "nothing more became final anywhere"
        record = go_on_from(folder, "switzerland")
        until_following(folder, record)
        model = ended(folder, record)
    assert model == run("heart", out=tmp_path / "solo", changes=changes).model


@pytest.mark.long
def test_an_honest_sequencer_is_moved_from_any_member_in_the_middle(
    tmp_path: Path, model: str
) -> None:
    folder = tmp_path / "trial"
    with trial(folder, ALL):
        record = started(folder)
        until = monotonic() + 60
        while (json_size(folder)) < FROM:
            assert monotonic() < until
            sleep(0.05)
        record = go_on_from(folder, "va")
        assert ended(folder, record) == model


def json_size(folder: Path) -> int:
    lines = (folder / SEQUENCER / "sequencer.log").read_text().splitlines()
    sizes = [json.loads(line).get("size", 0) for line in lines if line.endswith("}")]
    return max(sizes, default=0)


@pytest.mark.long
@pytest.mark.parametrize("protocol", ["secagg", "threshold_he"])
def test_what_it_keeps_of_a_sum_unmasks_nobody(tmp_path: Path, protocol: str) -> None:
    hides = f'privacy.secure_aggregation={{ protocol = "{protocol}" }}'
    changes = ("evaluation.bootstrap=0", "training.rounds=1", "study.max_attempts=3", hides)
    folder = tmp_path / "trial"
    with lied_to(folder, "unmask", ("va",), changes) as record:
        closed = wait_closed(folder, record, no_progress)
        assert closed.outcome == "failed"
        found = verify_members(folder, record)["hungarian"]
        stop_all(folder)
    assert {one.code for one in found.findings if one.severity == "fault"} == {"study.failed"}
    kept = json.loads((folder / SEQUENCER / KEPT).read_text())
    assert set(kept) == set(MEMBERS)
    shares = {name: bytes.fromhex(text) for name, text in kept.items()}
    relayed = folder / SEQUENCER / BLOBS
    assert Unmasker("va", 1, shares).difference(home_of(folder, "hungarian"), relayed) is None
