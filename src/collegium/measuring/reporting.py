"""The report of a run folder, made from the folder alone: whenever, and by whoever, has it."""

from __future__ import annotations

import platform
from pathlib import Path

import numpy as np

import collegium
from collegium.assembly.parts import described
from collegium.assembly.tables import described_table
from collegium.audit.findings import Verification
from collegium.audit.gathering import gather
from collegium.audit.history import read_history
from collegium.audit.studies import StudyHistory
from collegium.audit.verify import examined
from collegium.canonical import from_text
from collegium.data.tabular.agreed_preparation import AgreedPreparation, decode_agreed
from collegium.data.tabular.described_columns import described_preparation
from collegium.errors import FormatError, PluginError, RunError
from collegium.federation.stages import stages_of
from collegium.learning.evaluation.statement import decode_statement
from collegium.learning.evaluation.summed import EvaluationSum, decode_sum
from collegium.ledger.blobs import read_blob
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.mechanisms.sums.design import sums_tables
from collegium.report.content import build_content, provenance_of
from collegium.report.figures import PostedStatement
from collegium.report.measurements import read_lines
from collegium.report.write import write_report
from collegium.study.document import Study
from collegium.study.message import Outbound
from collegium.study.outbound import outbound
from collegium.study.reading import read_study


def report_on(folder: Path) -> Path:
    """Write a run folder's report and return its path, as `reported` does."""
    return reported(folder)[0]


def reported(folder: Path) -> tuple[Path, Verification]:
    """Write a run folder's report; return its path, and what verification found for it.

    Raises:
        CollegiumError: the folder is no run, or its study or measurements cannot be read.
    """
    verification, study_histories = examined(folder, partial=True)
    path = folder / "study.toml"
    if not path.is_file():
        raise RunError(
            "run.unreadable", f"{folder} has no study.toml", "a report begins with its question",
            "copy study.toml from the run's author beside ledger.log",
        )  # fmt: skip
    study = read_study(path).study
    source, agreement, study_history = study.data.source, None, study_histories.get(study.study.id)
    if isinstance(source, str):
        dataset = described(source)
    else:
        agreement = described_preparation(study) or recorded_agreement(folder, study_history)
        dataset = described_table(source, agreement)
    versions = {
        "collegium": collegium.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
    content = build_content(
        study,
        provenance_of(dataset, study.data, agreement, summed=sums_tables(study)),
        read_lines(folder / "metrics.jsonl"),
        verification,
        posted_statements(folder, study_history),
        versions,
        _sent(study),
    )
    return write_report(folder, content), verification


def _sent(study: Study) -> tuple[Outbound, ...]:
    """Return what leaves a site in a study; nothing where a package with a part of it is absent."""
    try:
        return outbound(study, stages_of(study))
    except PluginError:
        return ()


def recorded_agreement(
    folder: Path, study_history: StudyHistory | None
) -> AgreedPreparation | None:
    """Return what the ledger says that a study's sites agreed on, if its blob is there."""
    if study_history is None or study_history.begun is None:
        return None
    data = read_blob(folder / "blobs", from_text(study_history.begun.agreement, DIGEST_SIZE))
    try:
        return None if data is None else decode_agreed(data)
    except FormatError:
        return None  # verification names it


def replayed_study(folder: Path, study: str) -> StudyHistory | None:
    """Return what a run's ledger tells of a study, replayed from its file."""
    study_histories, _ = gather(read_history((folder / "ledger.log").read_bytes()).said)
    return study_histories.get(study)


def posted_sum(folder: Path, study_history: StudyHistory | None) -> EvaluationSum | None:
    """Return what the ledger's sum over test rows tells, if there is one and blobs/ holds it."""
    closed = (
        []
        if study_history is None
        else [one.summed for one in study_history.sums.values() if one.summed]
    )
    if not closed:
        return None
    data = read_blob(folder / "blobs", from_text(closed[-1].total, DIGEST_SIZE))
    try:
        return None if data is None else decode_sum(data)
    except FormatError:
        return None  # verification names it


def posted_statements(folder: Path, study_history: StudyHistory | None) -> list[PostedStatement]:
    """Return the statements that the ledger's ``evaluation.post`` entries name and blobs/ holds."""
    found = []
    for site, post in () if study_history is None else study_history.statements.items():
        for name in (post.federated, post.local):
            data = read_blob(folder / "blobs", from_text(name, DIGEST_SIZE)) if name else None
            if data is None:
                continue
            try:
                found.append(PostedStatement(site, decode_statement(data)))
            except FormatError:
                continue  # verification names it
    return found
