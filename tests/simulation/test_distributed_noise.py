"""What a masked round with distributed noise releases, when as many drop out as may."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from collegium.accounting.orders import MICRO
from collegium.accounting.updates import LEAST_BOUND
from collegium.audit.history import read_history
from collegium.audit.verify import verify
from collegium.canonical import from_text
from collegium.federation.local_updates import Int16
from collegium.federation.stages import InRound, OfUpdate, stages_of
from collegium.learning.blobs import decode_model
from collegium.ledger.contract.events import RoundClosed, UpdatesIncluded
from collegium.simulation.execution import run
from collegium.study.privacy import privacy_terms
from collegium.study.reading import read_study

CHANGES = (
    'privacy.secure_aggregation={ protocol = "secagg_plus", degree = 8, threshold = 6,'
    ' trust = "malicious" }',
    "privacy.differential_privacy={unit='client', mechanism='central', epsilon=30.0, delta=1e-5,"
    " clip=0.5, colluders=2}",
    "aggregation.weights=equal", "study.max_attempts=1", "study.min_sites=8", "faults.dropout=0.2",
    "training.rounds=1", "training.learning_rate=1e-12", "evaluation.bootstrap=0",
    "model.architecture=mlp", "model.hidden=[500]",
)  # fmt: skip


def released(folder: Path) -> tuple[float, int]:
    """The variance of a round's sum of updates that say nothing, and how many were in it."""
    ran = run("heart10", out=folder, changes=CHANGES)
    assert ran.outcome == "completed"
    assert verify(folder).ok
    history = read_history((folder / "ledger.log").read_bytes())
    events = [event for one in history.said for event in one.events]
    (closed,) = [one for one in events if isinstance(one, RoundClosed)]
    (included,) = [one for one in events if isinstance(one, UpdatesIncluded)]
    before, after = (
        decode_model((folder / "blobs" / from_text(name, 32).hex()).read_bytes()).parameters
        for name in (closed.parent, closed.model)
    )
    study, sites = read_study("heart10", CHANGES).study, len(included.members)
    moved = after.astype(np.float64) - before.astype(np.float64)
    return float((moved * sites * 2.0**study.aggregation.exponent).var()), sites


def claimed() -> float:
    study = read_study("heart10", CHANGES).study
    terms = privacy_terms(study)
    assert terms is not None
    bound = max(LEAST_BOUND, int(0.5 * 2.0**study.aggregation.exponent))
    return float((terms.noise / MICRO * bound) ** 2)


def test_a_round_of_the_fewest_sites_has_the_claimed_noise_without_the_colluders(
    tmp_path: Path,
) -> None:
    variance, sites = released(tmp_path / "run")
    assert sites == 8
    assert variance * (sites - 2) / sites == pytest.approx(claimed(), rel=0.08)


def test_parts_made_for_all_sites_are_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = type(stages_of(read_study("heart10", CHANGES).study).kept[1])
    right = noise.apply

    def forgetful(self: OfUpdate, what: Int16, at: InRound, /) -> Int16:
        work = msgspec.structs.replace(at.work, fewest=10 + 2)
        return right(self, what, replace(at, work=work))

    monkeypatch.setattr(noise, "apply", forgetful)
    variance, sites = released(tmp_path / "run")
    assert variance * (sites - 2) / sites < claimed() * (1 - 0.08)
