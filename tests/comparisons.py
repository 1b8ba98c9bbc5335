"""A comparison that never was, of three designs."""

from __future__ import annotations

from typing import Any

from collegium.report.comparison import Verdict
from collegium.report.measurements import Interval
from collegium.report.run_comparison import (
    Design,
    Mean,
    MeasuredDifference,
    PairedDifference,
    RunComparison,
)


def compared() -> RunComparison:
    """Three designs: one is better, one not detectably so; their seeds and keys differ."""
    designs = (
        design("fedavg", 0.87, (1, 2, 3), unsettled={"still_falling": 2}),
        design("median", 0.90, (1, 2, 3)),
        design("krum", 0.85, (2, 3, 4), keys={"aggregation.rule": "krum", "data.target": None}),
    )
    return RunComparison(
        title="Fever in three towns", question="Does it rise?", task="binary", primary="auc",
        designs=designs,
        differences=(
            against("median", "fedavg", 0.03, (0.01, 0.05), "better", (1, 2, 3)),
            against("krum", "fedavg", -0.02, (-0.06, 0.02), "unclear", (2, 3)),
        ),
    )  # fmt: skip


def design(name: str, auc: float, seeds: tuple[int, ...], **more: Any) -> Design:
    quality = {
        "auc": Mean(auc, Interval(auc - 0.02, auc + 0.02)), "accuracy": Mean(auc - 0.1, None),
    }  # fmt: skip
    told: dict[str, Any] = {"keys": {"aggregation.rule": name, "data.target": "fever"}}
    return Design(
        name=f"aggregation.rule={name}", runs=tuple(f"runs/{name}-{seed}" for seed in seeds),
        seeds=seeds, quality=quality, federated_minus_local={"auc": Mean(0.01, None)},
        federated_minus_pooled={}, rows=(486, 254), **{"unsettled": {}, **told, **more},
    )  # fmt: skip


def against(
    name: str, reference: str, value: float, interval: tuple[float, float], verdict: Verdict,
    seeds: tuple[int, ...],
) -> PairedDifference:  # fmt: skip
    return PairedDifference(
        design=f"aggregation.rule={name}", against=f"aggregation.rule={reference}", seeds=seeds,
        interval_over="seeds",
        measures={
            "auc": MeasuredDifference(value, Interval(*interval), verdict),
            "accuracy": MeasuredDifference(0.5 * value, None, "unknown"),
        },
    )  # fmt: skip
