"""A run that breaks off at any of its writes goes on to the same end, and so does a torn file."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

from collegium.assembly.preparation import prepare
from collegium.audit.verify import verify
from collegium.errors import FormatError, RunError
from collegium.federation.outbox import Outbox, OutboxKey
from collegium.federation.participant import Participant
from collegium.federation.view import StudyView
from collegium.learning.blobs import decode_update
from collegium.measuring.result import RunResult
from collegium.report.measurements import RoundLine, read_lines
from collegium.simulation import consortium as consortium_module
from collegium.simulation.consortium import build
from collegium.simulation.execution import run
from collegium.study.canonical import document_bytes
from collegium.study.reading import read_study
from collegium.threats.attack import AdversaryContext

CHANGES = ("training.rounds=2", "evaluation.bootstrap=0")
WRITES: tuple[tuple[Any, str], ...] = (
    (os, "fsync"),
    (os, "replace"),
    (Path, "replace"),
    (Path, "write_bytes"),
)
"""What makes bytes last: where each write can break off."""


class PowerCut(BaseException):
    """Nothing catches it."""


@contextmanager
def breaking(
    monkeypatch: pytest.MonkeyPatch, at: int, error: BaseException, *, after: bool = False
) -> Iterator[Callable[[], int]]:
    """Let the write number `at` (from 0) fail, before or after it is done; give their count."""
    numbers = iter(range(1_000_000))  # taken by several threads

    def failing(write: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            number = next(numbers)
            if number == at and not after:
                raise error
            result = write(*arguments, **named)
            if number == at:
                raise error
            return result

        return call

    with monkeypatch.context() as patch:
        for owner, name in WRITES:
            patch.setattr(owner, name, failing(getattr(owner, name)))
        yield lambda: next(numbers)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return run("heart", out=tmp_path_factory.mktemp("undisturbed") / "run", changes=CHANGES)


def resumed(folder: Path) -> RunResult:
    return run("heart", out=folder, changes=CHANGES, resume=True)


def check_same(result: RunResult, undisturbed: RunResult) -> None:
    assert (result.model, result.app_hash) == (undisturbed.model, undisturbed.app_hash)
    verification = verify(result.folder)
    assert verification.ok, verification.findings
    assert verification.complete


def writes_of_a_run(monkeypatch: pytest.MonkeyPatch, folder: Path) -> int:
    with breaking(monkeypatch, -1, PowerCut()) as count:
        run("heart", out=folder, changes=CHANGES)
    return count()


def check_breaks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, undisturbed: RunResult, step: int
) -> None:
    """Break off at every `step`-th write, before and after it, by a power cut and a full disk."""
    total = writes_of_a_run(monkeypatch, tmp_path / "counted")
    assert total > 60
    full = OSError(errno.ENOSPC, "No space left on device")
    causes = [(PowerCut(), False), (PowerCut(), True), (full, False)]
    for at in range(0, total, step):
        error, after = causes[(at // step) % 3] if step > 1 else causes[0]
        for cause, later in [(error, after)] if step > 1 else causes:
            folder = tmp_path / f"{at}-{type(cause).__name__}-{later}"
            with (
                breaking(monkeypatch, at, cause, after=later),
                pytest.raises((PowerCut, OSError)),
            ):
                run("heart", out=folder, changes=CHANGES)
            check_same(resumed(folder), undisturbed)


def test_a_run_that_breaks_off_at_a_write_goes_on_to_the_same_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, undisturbed: RunResult
) -> None:
    check_breaks(monkeypatch, tmp_path, undisturbed, step=9)


@pytest.mark.long
def test_so_does_one_that_breaks_off_at_any_write(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, undisturbed: RunResult
) -> None:
    check_breaks(monkeypatch, tmp_path, undisturbed, step=1)


def stopped_at(folder: Path, monkeypatch: pytest.MonkeyPatch, puts: int) -> None:
    """Run until the outboxes have taken that many updates, and no further."""
    taken = 0
    put = Outbox.put

    def counting(outbox: Outbox, key: OutboxKey, value: bytes) -> bytes:
        nonlocal taken
        kept = put(outbox, key, value)
        taken += key.purpose == "update"
        if taken == puts:
            raise PowerCut
        return kept

    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "put", counting)
        with pytest.raises(PowerCut):
            run("heart", out=folder, changes=CHANGES)


@pytest.mark.parametrize("lost", [1, 7, 60, 300])
def test_a_torn_last_block_is_cut_and_made_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, undisturbed: RunResult, lost: int
) -> None:
    folder = tmp_path / "run"
    stopped_at(folder, monkeypatch, puts=6)
    (folder / "ledger.snapshot").unlink()
    ledger = folder / "ledger.log"
    ledger.write_bytes(ledger.read_bytes()[:-lost])
    told: list[str] = []
    result = run("heart", out=folder, changes=CHANGES, resume=True, warn=told.append)
    check_same(result, undisturbed)
    assert any("never acknowledged" in text for text in told)


def test_a_torn_outbox_record_is_dropped_and_the_update_made_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, undisturbed: RunResult
) -> None:
    folder = tmp_path / "run"
    stopped_at(folder, monkeypatch, puts=6)  # the second site's update of round 2 is kept, not sent
    outbox = folder / "members" / "outbox"
    whole = outbox.read_bytes()
    outbox.write_bytes(whole[:-3])
    check_same(resumed(folder), undisturbed)
    assert outbox.read_bytes().startswith(whole)


class StopsBeforeRevealing:
    """A site whose machine goes down between committing to an update of round 2 and revealing."""

    def __init__(self, honest: Participant) -> None:
        self.honest = honest
        self.name = honest.name

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        if view.number == 2 and view.phase == "reveal":
            raise PowerCut
        return self.honest.reconcile(view, idle=idle)


def forget(path: Path, member: str) -> None:
    """Take from a shared outbox everything that a member kept there."""
    with closing(Outbox(path)) as outbox:
        kept = [(key, outbox.get(key)) for key in outbox._bodies]
    path.unlink()
    with closing(Outbox(path)) as outbox:
        for key, value in kept:
            if value is not None and key.within[0] != member:
                outbox.put(key, value)


def test_a_site_that_lost_its_outbox_after_committing_abstains(
    tmp_path: Path, undisturbed: RunResult
) -> None:
    folder = tmp_path / "run"

    def substitute(honest: Participant, place: AdversaryContext) -> Participant:
        return StopsBeforeRevealing(honest) if honest.name == "hungarian (site)" else honest

    with pytest.raises(PowerCut):
        run("heart", out=folder, changes=CHANGES, substitute=substitute)
    forget(folder / "members" / "outbox", "hungarian")
    result = resumed(folder)
    assert result.outcome == "completed"
    assert result.model != undisturbed.model
    verification = verify(folder)
    assert verification.ok, verification.findings
    assert [(one.code, one.where) for one in verification.findings] == [
        ("site.withheld", "heart, round 2")
    ]
    assert "hungarian" in verification.findings[0].what


def test_a_corrupt_outbox_is_named_and_nothing_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    stopped_at(folder, monkeypatch, puts=6)
    outbox = folder / "members" / "outbox"
    data = bytearray(outbox.read_bytes())
    data[40] ^= 1
    outbox.write_bytes(data)
    before = (folder / "ledger.log").read_bytes()
    with pytest.raises(RunError) as caught:
        resumed(folder)
    assert caught.value.code == "outbox.corrupt"
    assert (folder / "ledger.log").read_bytes() == before


def emptied(folder: Path, digest: bytes) -> Path:
    """The file of a blob, which has lost its bytes."""
    path = folder / "blobs" / digest.hex()
    assert path.read_bytes()
    path.write_bytes(b"")
    return path


@pytest.mark.parametrize("puts", [1, 6], ids=["the first model", "a round's model"])
@pytest.mark.parametrize("gone", [False, True])
def test_a_model_that_a_power_cut_emptied_is_made_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, undisturbed: RunResult, puts: int, gone: bool
) -> None:
    folder = tmp_path / "run"
    stopped_at(folder, monkeypatch, puts=puts)
    within = build(prepare(read_study("heart", CHANGES)), folder, warn=print)
    view = within.view()
    within.close(complete=False)
    assert view.closed_rounds == puts // 4
    path = emptied(folder, view.model)
    if gone:
        path.unlink()
    check_same(resumed(folder), undisturbed)


def test_so_is_the_registered_document(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, undisturbed: RunResult
) -> None:
    folder = tmp_path / "run"
    stopped_at(folder, monkeypatch, puts=1)
    study = read_study("heart", CHANGES).study
    emptied(folder, sha256(document_bytes(study)).digest())
    check_same(resumed(folder), undisturbed)


class StopsBeforeVoting(StopsBeforeRevealing):
    """A validator whose machine goes down when the updates are attested and not yet reduced."""

    def reconcile(self, view: StudyView, *, idle: bool) -> list[bytes]:
        if view.number == 1 and view.phase == "vote":
            raise PowerCut
        return self.honest.reconcile(view, idle=idle)


def test_a_run_that_goes_on_after_inclusion_still_says_who_was_included(
    tmp_path: Path, undisturbed: RunResult
) -> None:
    folder = tmp_path / "run"

    def substitute(honest: Participant, place: AdversaryContext) -> Participant:
        return StopsBeforeVoting(honest) if honest.name == "cleveland (site)" else honest

    with pytest.raises(PowerCut):
        run("heart", out=folder, changes=CHANGES, substitute=substitute)
    update = next(path for path in (folder / "blobs").iterdir() if is_update(path))
    emptied(folder, bytes.fromhex(update.name))
    check_same(resumed(folder), undisturbed)
    lines = [one for one in read_lines(folder / "metrics.jsonl") if isinstance(one, RoundLine)]
    everybody = ("cleveland", "hungarian", "switzerland", "va")
    assert [line.included for line in lines] == [everybody, everybody]


def is_update(path: Path) -> bool:
    try:
        decode_update(path.read_bytes())
    except FormatError:
        return False
    return True


def test_a_study_that_goes_on_under_other_code_says_so_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    stopped_at(folder, monkeypatch, puts=6)
    told: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(consortium_module, "code_digest", lambda *_: bytes(32))
        run("heart", out=folder, changes=CHANGES, resume=True, warn=told.append)
        run("heart", out=folder, changes=CHANGES, resume=True, warn=told.append)
    (warning,) = (text for text in told if "code" in text)
    assert "cleveland, hungarian, switzerland, va accepted the study" in warning


def test_under_the_same_code_it_says_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    stopped_at(folder, monkeypatch, puts=6)
    told: list[str] = []
    run("heart", out=folder, changes=CHANGES, resume=True, warn=told.append)
    assert told == []


def test_without_its_last_models_a_run_is_not_resumed_and_nobody_blamed(tmp_path: Path) -> None:
    folder = tmp_path / "run"

    def stop(closed: int, rounds: int) -> None:
        if closed == 2:
            raise PowerCut

    changes = ["training.rounds=3", "evaluation.bootstrap=0"]
    with pytest.raises(PowerCut):
        run("heart", out=folder, changes=changes, progress=stop)
    rmtree(folder / "blobs")
    before = (folder / "ledger.log").read_bytes()
    with pytest.raises(RunError, match=r"\[run\.no-models\]"):
        run("heart", out=folder, changes=changes, resume=True)
    assert (folder / "ledger.log").read_bytes() == before


CARRYING = (
    *CHANGES, "training.rounds=3", "training.algorithm=scaffold", "aggregation.weights=equal",
    "personalization.method=ditto", "personalization.strength=0.1",
)  # fmt: skip


def test_what_sites_carry_from_round_to_round_outlives_a_break(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run("heart", out=tmp_path / "whole", changes=CARRYING)
    for place in range(8, 40, 4):
        folder = tmp_path / f"broken-{place}"
        with breaking(monkeypatch, place, PowerCut()), pytest.raises(PowerCut):
            run("heart", out=folder, changes=CARRYING)
        again = run("heart", out=folder, changes=CARRYING, resume=True)
        assert (again.model, again.app_hash) == (whole.model, whole.app_hash)
        assert again.measured.federated == whole.measured.federated
