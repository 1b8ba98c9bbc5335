"""The end of a study in this process: its models, and everything that is measured on them."""

from __future__ import annotations

from time import perf_counter

import msgspec

from collegium.assembly.site_alone import site_alone
from collegium.canonical import from_text
from collegium.federation.loop import LoopStatistics
from collegium.learning.algorithms.layout import model_part
from collegium.learning.blobs import decode_model
from collegium.ledger.engines.simnet.figures import Simulated
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.measuring.calls import calls_on_rows
from collegium.measuring.convergence import convergence_of
from collegium.measuring.explaining import explain
from collegium.measuring.grouping import quality_by_subgroup
from collegium.measuring.held_out_quality import ModelsCompared, missing_of, on_unseen
from collegium.measuring.pictures import pictures_of
from collegium.measuring.quality import (
    beside,
    difference_of,
    pooled_parameters,
    quality_of,
    training_loss,
)
from collegium.measuring.site_table import site_table
from collegium.report.measurements import Convergence, FinalLine, RoundLine, read_lines
from collegium.simulation.attack_effect import attack_effect
from collegium.simulation.consortium import Consortium
from collegium.simulation.recorder import Recorder


def models_of(consortium: Consortium) -> ModelsCompared | None:
    """Return the models of a study that is over; None where it failed."""
    view, prepared = consortium.view(), consortium.prepared
    data = consortium.exchange.folder.get(view.model)
    if view.status is None or view.status.outcome != "completed" or data is None:
        return None
    vector = decode_model(data).parameters
    in_use = {site.member: site.model_in_use(view, vector) for site in consortium.sites}
    return ModelsCompared(
        prepared, model_part(prepared.parts.spec, vector), in_use.__getitem__,
        lambda name: consortium.trainers.alone(name, view.trials.final),
        pooled_parameters(prepared, view.trials.final),
    )  # fmt: skip


def measured(
    consortium: Consortium,
    traffic: LoopStatistics,
    recorder: Recorder,
    models: ModelsCompared | None,
) -> FinalLine:
    """Return the last line of a study's measurements; without models, for a study that failed."""
    prepared = consortium.prepared
    view = consortium.view()
    status = view.status
    if status is None:
        raise LookupError(prepared.study.study.id)
    engine = consortium.engine
    seconds, weights = recorder.since_last_round()
    began = perf_counter()
    final = FinalLine(
        outcome=status.outcome, model=view.model.hex(), seconds=seconds, bytes=weights,
        federated=None, local=None, pooled=None, pooled_reason=None, difference_to_pooled={},
        difference_to_local={},
        rows={name: (len(prepared.train[name].y), len(prepared.test[name].y))
              for name in prepared.sites},
        rejected={f"{who}: {code}": count for (who, code), count in traffic.rejected.items()},
        dropped=dict(traffic.dropped),
        left_out=() if prepared.table is None else prepared.table.left_out,
        site_table=site_table(prepared),
        consensus=engine.figures() if isinstance(engine, Simulated) else None,
    )  # fmt: skip
    if models is None:
        reason = "the study failed, so no test part was opened"
        return msgspec.structs.replace(
            final, pooled_reason=reason, threat=attack_effect(prepared, None)
        )
    federated, local, pooled = models.scores()
    compared = msgspec.structs.replace(
        final,
        federated=quality_of(prepared, prepared.test, federated),
        local=quality_of(prepared, prepared.test, local),
        local_missing=missing_of(prepared.sites, local),
        federated_beside_local=quality_of(prepared, prepared.test, beside(federated, local)),
        pooled=quality_of(prepared, prepared.test, pooled),
        pooled_reason="training on all rows together diverged" if pooled is None else None,
        difference_to_pooled=difference_of(prepared, prepared.test, federated, pooled),
        difference_to_local=difference_of(prepared, prepared.test, federated, local),
        unseen=on_unseen(models),
        threat=attack_effect(prepared, models.federated),
        subgroups=quality_by_subgroup(prepared, federated),
        explanation=None if federated is None else explain(prepared, models.in_use),
        site_alone=site_alone(prepared.dataset.schema, prepared.train, prepared.test),
        convergence=_convergence(consortium, recorder),
        tested=calls_on_rows(prepared, federated),
        pictures=pictures_of(prepared, federated),
    )
    comparing = perf_counter() - began
    return msgspec.structs.replace(compared, seconds={**seconds, "comparison": comparing})


def _convergence(consortium: Consortium, recorder: Recorder) -> Convergence | None:
    """Return whether training came to rest; None where the shared model's losses do not tell.

    Of trials only one goes on, and a model of which parts stay at the sites is none without them.
    """
    prepared, registration = consortium.prepared, consortium.view().registration
    personal = prepared.study.personalization
    parted = personal is not None and personal.method in ("fedper", "fedbn")
    if registration is None or parted or prepared.study.search is not None:
        return None
    data = consortium.exchange.folder.get(from_text(registration.initial, DIGEST_SIZE))
    if data is None:
        return None
    losses = {
        line.round: loss
        for line in read_lines(recorder.path)
        if isinstance(line, RoundLine)
        and (loss := line.training_metrics.get("overall", {}).get("loss")) is not None
    }
    vector = model_part(prepared.parts.spec, decode_model(data).parameters)
    return convergence_of(training_loss(prepared, vector), losses)
