"""A finished run scored again: what its final model, by its ledger, says of its test rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collegium.assembly.accepted_rows import require_accepted_rows
from collegium.assembly.preparation import Prepared, prepare
from collegium.audit.bundle import WEIGHTS
from collegium.audit.verify import examined
from collegium.errors import RunError
from collegium.learning.algorithms.layout import model_part
from collegium.learning.blobs import decode_model
from collegium.learning.evaluation.metrics import measure
from collegium.learning.safetensors import read_released
from collegium.ledger.blobs import read_blob
from collegium.measuring.quality import PooledRows, Scores, scores_of, together
from collegium.measuring.result import read_final
from collegium.report.measurements import FinalLine
from collegium.study.document import Study
from collegium.study.reading import read_study


@dataclass(frozen=True, slots=True, eq=False)
class ScoredRun:
    """A finished run with what its model says about its test rows, and what the run measured."""

    folder: Path
    prepared: Prepared
    scores: Scores
    measured: FinalLine
    simulated: bool

    @property
    def study(self) -> Study:
        """The study document."""
        return self.prepared.study

    @property
    def seed(self) -> int:
        """The seed, which also cuts the rows."""
        return self.study.study.seed

    @property
    def overlap(self) -> float:
        """Test rows over training rows, of all sites."""
        tested, trained = (
            sum(len(rows.y) for rows in part.values())
            for part in (self.prepared.test, self.prepared.train)
        )
        return tested / trained


def score_run(folder: Path) -> ScoredRun:
    """Return a run with its final model's scores, after verifying it.

    Raises:
        CollegiumError: the run is not finished, does not verify or cannot be scored here, or the
            rows of a simulation have changed since.
    """
    path = folder / "study.toml"
    if not path.is_file():
        raise RunError(
            "run.unreadable", f"{folder} has no study.toml", "it is no run's folder",
            "name a finished run's folder, a preset or a study file",
        )  # fmt: skip
    prepared = prepare(read_study(path))
    final = read_final(folder)
    if final is None or final.outcome != "completed":
        ended = "is not finished" if final is None else f"ended as {final.outcome}"
        raise RunError(
            "compare.unfinished", f"the run in {folder} {ended}",
            "only the model of a completed study has been tested",
            f"go on with it: collegium run {path} --out {folder} --resume"
            if final is None else "leave it out",
        )  # fmt: skip
    found, histories = examined(folder, partial=False)
    if not found.ok or found.model is None:
        worst = next((one.what for one in found.findings if one.severity == "error"), "")
        raise RunError(
            "compare.not-verified", f"the run in {folder} does not verify",
            worst or "its ledger names no model", f"see collegium verify {folder}",
        )  # fmt: skip
    history = histories.get(prepared.study.study.id)
    if found.simulated and history is not None:
        require_accepted_rows(
            prepared, bytes.fromhex(found.genesis), history.accepted,
            "; the model is scored on rows as they are now",
        )  # fmt: skip
    data = read_blob(folder / "blobs", bytes.fromhex(found.model))
    shared = (
        None if data is None else model_part(prepared.parts.spec, decode_model(data).parameters)
    )
    scores = None
    if shared is not None:
        scores = scores_of(prepared, lambda site: _in_use(folder, prepared, site, shared))
    if scores is None:
        raise RunError(
            "compare.no-model", f"the final model of {folder} cannot be scored",
            "its blob is missing, or its parameters are not finite",
            "restore blobs/ from where it went, or leave the run out",
        )  # fmt: skip
    return ScoredRun(folder, prepared, scores, final, found.simulated)


def _in_use(
    folder: Path, prepared: Prepared, site: str, shared: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the model that a site of a simulation uses: its own, where models are personal."""
    path = folder / "members" / site / "model" / WEIGHTS
    if prepared.study.personalization is None or not path.is_file():
        return shared
    return read_released(path.read_bytes())[1]


def rows_over_all(one: ScoredRun) -> PooledRows:
    """Return the test rows of all sites with the model's scores, in order of sites."""
    return together(one.prepared.test, one.scores)


def quality_over_all(one: ScoredRun) -> dict[str, float | None]:
    """Return each measure over the test rows of all sites."""
    rows, task = rows_over_all(one), one.prepared.dataset.schema.task
    return measure(task, rows.y, rows.scores, one.study.evaluation.threshold)
