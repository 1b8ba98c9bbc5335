"""``network up``: found a consortium, start it, watch it train, and let every member verify."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from collegium.assembly.folder import claimed
from collegium.audit.findings import Verification
from collegium.errors import RunError
from collegium.ledger.durability import write_whole
from collegium.network.founding import UNFINISHED, found
from collegium.network.plan import planned
from collegium.network.processes import ChildProcess
from collegium.network.record import RECORD, NetworkRecord, read_record
from collegium.network.trial import Stage, ended_on_failure, start_all, verify_members
from collegium.network.watch import present, wait_closed
from collegium.node.status import StudyStatus
from collegium.study.canonical import digest


@dataclass(frozen=True, slots=True)
class RunningNetwork:
    """A consortium that runs. `closed` and `verified` are there where it was watched to the end."""

    folder: Path
    record: NetworkRecord
    closed: StudyStatus | None
    verified: Mapping[str, Verification]

    @property
    def ok(self) -> bool:
        """Whether nothing that was looked at is wrong."""
        completed = self.closed is None or self.closed.outcome == "completed"
        return completed and all(one.ok for one in self.verified.values())


def up(
    folder: Path, study: str | None, members: int | None, changes: Sequence[str], *,
    detach: bool, patience: float, stage: Stage, progress: Callable[[int, int], None],
) -> RunningNetwork:  # fmt: skip
    """Start a consortium in a folder, new or as it was left; it goes on running.

    Args:
        folder: where its homes are, or are to be.
        study: a preset's name or a file; None goes on with the one that is there.
        members: how many there are to be; as many as the study has sites if None.
        changes: as of ``--set``.
        detach: return when all processes are ready, without waiting for the study.
        patience: seconds without any progress after which it is given up.
        stage: is told what begins.
        progress: is told how many rounds are closed.

    Raises:
        CollegiumError: the study or the folder is not acceptable, or a process does not start; then
            what it has started is ended; what ran before goes on.
    """
    there = (folder / RECORD).exists()
    before: tuple[ChildProcess, ...] = ()
    if study is None or there:
        record = read_record(folder)
        _require_same(record, study, members, changes)
        before = present(folder, record)
    with claimed(folder, _busy), ended_on_failure(folder, before):
        if study is not None and not there:
            _found(folder, study, members, changes, stage)
        record = start_all(folder, stage)
        if detach:
            return RunningNetwork(folder, record, None, {})
        stage(f"training {record.study}")
        closed = wait_closed(folder, record, progress, patience, stage)
        stage("every member verifies what it holds")
        return RunningNetwork(folder, record, closed, verify_members(folder, record))


def _busy(folder: Path) -> RunError:
    return RunError(
        "network.busy", f"another `collegium network up` is at work in {folder}",
        "it waits until the study is closed",
        "start what has ended by hand, as it says itself, or wait; see `collegium network status`",
    )  # fmt: skip


def _found(
    folder: Path, study: str, members: int | None, changes: Sequence[str], stage: Stage
) -> None:
    names = {path.name for path in folder.iterdir()} - {".lock"}
    if names and UNFINISHED not in names:
        raise RunError(
            "network.exists", f"{folder} is not empty", f"it holds {sorted(names)[0]!r}",
            "choose another --dir",
        )  # fmt: skip
    prepared = planned(study, members, changes)
    stage(f"making keys, certificates and homes for {len(prepared.sites)} members")
    write_whole(folder / "study.toml", prepared.read.text.encode())
    found(folder, prepared)


def _require_same(
    record: NetworkRecord, study: str | None, members: int | None, changes: Sequence[str]
) -> None:
    """Refuse to go on with another study, or other members, than are there."""
    if study is None:
        return
    prepared = planned(study, members, changes)
    same_study = digest(prepared.study) == record.document
    if not same_study or tuple(prepared.sites) != record.members:
        differs = "members differ" if same_study else "study document differs"
        raise RunError(
            "network.other", f"another consortium is there: {record.study}, "
            f"{len(record.members)} members", f"its {differs} from what is asked for",
            "choose another --dir, or go on with it by `collegium network up --dir DIR`",
        )  # fmt: skip
