"""`run` with members as processes, under any engine of nodes: an ordinary run folder is left.

The consortium is a trial's: it is founded in the run folder, ended when the study is closed, and
its homes stay under members/. An interrupted run goes on in the same homes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from collegium.assembly.folder import write_policy
from collegium.assembly.preparation import Prepared
from collegium.assembly.privacy import spending_of
from collegium.ledger.genesis import Genesis, encode_genesis
from collegium.ledger.ordering import Joins
from collegium.measuring.reporting import posted_statements, posted_sum, replayed_study
from collegium.measuring.result import Progress, RunResult, read_final
from collegium.network.founding import found
from collegium.network.measuring import charged, closing_times, end_of, final_line, round_lines
from collegium.network.record import RECORD, NetworkRecord, home_of, read_record
from collegium.network.run_folder import gather
from collegium.network.trial import ended_on_failure, start_all, stop_all
from collegium.network.watch import statuses, wait_closed
from collegium.node.home import read_genesis
from collegium.node.status import StudyStatus
from collegium.node.structured_log import LOG
from collegium.plugins import find
from collegium.report.measurements import FinalLine, append_line

POLICY = "policy.json"


@dataclass(frozen=True, slots=True)
class ProcessLauncher:
    """Members as processes of their own; it satisfies `simulation.execution.Launcher`."""

    def launch(
        self, prepared: Prepared, folder: Path, progress: Progress, stage: Callable[[str], None],
        warn: Callable[[str], None],
    ) -> RunResult:  # fmt: skip
        """Run a study with a process for each member, or go on with the run that is there.

        Raises:
            CollegiumError: a process cannot be started, or fails.
        """
        record = read_record(folder) if (folder / RECORD).exists() else found(folder, prepared)
        genesis, _ = read_genesis(home_of(folder, record.members[0]))
        measured = read_final(folder)
        if measured is None or not (folder / POLICY).exists():
            measured = _run(prepared, folder, record, genesis, progress, stage, warn)
        entries, app_hash = end_of(folder)
        return RunResult(
            folder=folder, outcome=measured.outcome, model=measured.model,
            rounds=len(list(round_lines(folder, record.study, {}))), entries=entries,
            app_hash=app_hash.hex(), genesis=record.genesis, measured=measured,
            study=prepared.study, notices=prepared.notices, attackers=(),
            spending=spending_of(prepared.study, charged(folder, record.study)),
        )  # fmt: skip


PROCESSES = ProcessLauncher()


def _run(
    prepared: Prepared, folder: Path, record: NetworkRecord, genesis: Genesis, progress: Progress,
    stage: Callable[[str], None], warn: Callable[[str], None],
) -> FinalLine:  # fmt: skip
    with ended_on_failure(folder):
        stop_all(folder)  # what an interrupted run may have left
        record = start_all(folder, stage)
        stage("training")
        closed = wait_closed(folder, record, progress)
        refused = _refusals(folder, record)
        stop_all(folder)
    stage("gathering what the members hold")
    engine: Joins = find("engines", record.engine)
    gather(folder, record.members, genesis, record.study, engine, warn)
    measured = _measure(prepared, folder, record, closed, refused)
    write_policy(folder, encode_genesis(genesis), engine.log_key(folder))
    return measured


def _refusals(folder: Path, record: NetworkRecord) -> dict[str, int]:
    found = statuses(folder, record)
    return {
        f"{member}: {code}": count
        for member, status in found.items()
        if status is not None
        for code, count in status.refusals.items()
    }


def _measure(
    prepared: Prepared,
    folder: Path,
    record: NetworkRecord,
    closed: StudyStatus,
    refused: dict[str, int],
) -> FinalLine:
    """Write metrics.jsonl anew, whole or not at all, and return its last line."""
    partial = folder / ".metrics.jsonl"
    partial.write_bytes(b"")
    times = closing_times(home_of(folder, record.members[0]) / LOG, record.study)
    for line in round_lines(folder, record.study, times):
        append_line(partial, line)
    study_history = replayed_study(folder, record.study)
    posted, summed = posted_statements(folder, study_history), posted_sum(folder, study_history)
    last = final_line(
        closed.outcome,
        closed.model,
        posted,
        prepared.sites,
        refused,
        summed,
        noised=prepared.study.privacy.differential_privacy is not None,
    )
    last = msgspec.structs.replace(
        last, one_machine=True,
        left_out=() if prepared.table is None else prepared.table.left_out,
    )  # fmt: skip
    append_line(partial, last)
    partial.replace(folder / "metrics.jsonl")
    return last
