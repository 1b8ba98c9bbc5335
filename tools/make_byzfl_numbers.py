"""Write tests/learning/aggregation/byzfl.json: what ByzFL makes of some updates.

Run with the Python of an environment that has byzfl 0.0.11 and NumPy (benchmarks/README.md says
how to make one). Nothing of ByzFL is kept, only numbers that it gave. Its CAF and SMEA draw a
random vector and iterate once, which is exact in one dimension alone, so they are asked there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from byzfl.aggregators import aggregators as rules  # type: ignore[import-not-found]
from byzfl.aggregators import preaggregators as before

TARGET = Path(__file__).parents[1] / "tests" / "learning" / "aggregation" / "byzfl.json"

SHAPES = ((7, 1, 4), (10, 2, 6), (12, 3, 5), (20, 4, 8), (10, 3, 1), (9, 2, 1))
"""Updates, bad ones among them, coordinates."""

STEPS = 8


def drawn(seed: int, count: int, bad: int, size: int, kind: str) -> Any:
    """Return integer updates; the last ones are bad."""
    stream = np.random.default_rng(seed)
    good = np.rint(stream.normal(120, 300, (count - bad, size)))
    if kind == "far":
        wrong = np.rint(stream.normal(-9000, 2000, (bad, size)))
    elif kind == "alie":
        wrong = np.rint(good.mean(0) + 1.2 * good.std(0) + stream.integers(-2, 3, (bad, size)))
    else:
        wrong = np.rint(-2 * good.mean(0) + stream.integers(-2, 3, (bad, size)))
    return np.vstack([good, wrong])


def pivot(vectors: Any, bad: int) -> int:
    """Return the update whose n - f nearest lie within the least distance."""
    apart = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    return int(np.argmin(np.sort(apart, axis=1)[:, len(vectors) - bad - 1]))


def centered_clipping(vectors: Any) -> Any:
    """Return ByzFL's centered clipping, one step after another with the median radius of each."""
    center = np.zeros(vectors.shape[1])
    for _ in range(STEPS):
        far = np.sort(np.linalg.norm(vectors - center, axis=1))
        rule = rules.CenteredClipping(L=1, tau=float(far[(len(far) - 1) // 2]))
        rule.m = center
        center = rule(vectors)
    return center


def median_norm(vectors: Any) -> float:
    """Return the lower median of the norms."""
    return float(np.sort(np.linalg.norm(vectors, axis=1))[(len(vectors) - 1) // 2])


def answers(vectors: Any, bad: int) -> dict[str, Any]:
    """Return what ByzFL says by the names that our rules have."""
    mixed = before.NNM(f=bad)(vectors)
    clipped = before.ARC(f=bad)(vectors.copy())
    shortened = before.Clipping(c=median_norm(vectors))(vectors.copy())
    found = {
        "median": rules.Median()(vectors),
        "trimmed_mean": rules.TrMean(f=bad)(vectors),
        "meamed": rules.Meamed(f=bad)(vectors),
        "geometric_median": rules.GeometricMedian(nu=0.1, T=300)(vectors),
        "krum": rules.Krum(f=bad)(vectors),
        "multi_krum": rules.MultiKrum(f=bad)(vectors),
        "centered_clipping": centered_clipping(vectors),
        "mda": rules.MDA(f=bad)(vectors),
        "monna": rules.MoNNA(f=bad, idx=pivot(vectors, bad))(vectors),
        "nnm+trimmed_mean": rules.TrMean(f=bad)(mixed),
        "nnm+median": rules.Median()(mixed),
        "nnm+geometric_median": rules.GeometricMedian(nu=0.1, T=300)(mixed),
        "arc+median": rules.Median()(clipped),
        "arc+nnm+trimmed_mean": rules.TrMean(f=bad)(before.NNM(f=bad)(clipped)),
        "norm_clipping+trimmed_mean": rules.TrMean(f=bad)(shortened),
    }
    if vectors.shape[1] == 1:
        found["caf"] = rules.CAF(f=bad)(vectors)
        found["smea"] = rules.SMEA(f=bad)(vectors)
    return {name: np.asarray(value).tolist() for name, value in found.items()}


def main() -> None:
    """Write the file."""
    cases = []
    for seed, (count, bad, size) in enumerate(SHAPES):
        for kind in ("far", "alie", "opposed"):
            vectors = drawn(seed, count, bad, size, kind)
            cases.append(
                {
                    "kind": kind,
                    "tolerate": bad,
                    "updates": vectors.astype(int).tolist(),
                    "answers": answers(vectors, bad),
                }
            )
    lines = ",\n".join(json.dumps(case) for case in cases)
    TARGET.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
