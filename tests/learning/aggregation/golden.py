"""Digests of every rule's result on fixed updates: ``python -m tests.learning.aggregation.golden``.

golden.json is what this prints. It changes with the meaning of a recorded rule, and so never; a
new version of a rule gets new lines.
"""

from __future__ import annotations

import json
from fractions import Fraction
from hashlib import sha256

from collegium.data.randomness import draws
from collegium.learning.aggregation.composition import rule_called
from collegium.learning.aggregation.scores import Scores
from collegium.learning.aggregation.updates import Updates
from collegium.plugins import names

SHAPES = ((13, 3001), (50, 12_345))
"""Updates and coordinates; the second is large enough for BLAS to use threads where it wants."""

COMPOSED = (
    "arc+bucketing+nnm+flame", "arc+nnm+trimmed_mean", "bucketing+krum", "bucketing+nnm+caf",
    "nnm+bulyan", "nnm+geometric_median", "nnm+median", "nnm+meamed", "nnm+trimmed_mean",
    "arc+committee_median", "norm_clipping+bucketing+median", "norm_clipping+fedavg",
    "norm_clipping+nnm+dnc", "norm_clipping+zeno",
)  # fmt: skip


def fixed_updates(count: int, size: int) -> Updates:
    """Return updates that are the same wherever this runs, some of them far off."""
    stream = draws("golden-updates", count, size)
    values = stream.randint(-1500, 1501, (count, size))
    values += stream.randint(-900, 901, size)
    values[: count // 5] *= -20
    values[0] = 32767
    values = values.clip(-32767, 32767).astype("<i2")
    keys = tuple(sha256(row.tobytes()).digest() for row in values)
    sites = tuple(f"site-{index:03}" for index in range(count))
    told = draws("golden-scores", count)
    scores = Scores(
        values=tuple(told.randint(-(2**20), 2**20 + 1, count).tolist()), norm=20_000,
        reputations=tuple(told.randint(1, 7 * 2**17, count).tolist()), penalty=Fraction(1, 2000),
        threshold=-100_000, exponent=12,
    )  # fmt: skip
    return Updates(values.astype("int16"), (3,) + (2,) * (count - 1), 12, sites, keys, scores)


def digests() -> dict[str, str]:
    """Return the digest of each rule's total and denominator, by recorded name and shape."""
    found = {}
    for count, size in SHAPES:
        given = fixed_updates(count, size)
        for name in (*names("rules"), *COMPOSED):
            tolerate = count // 5
            if name.endswith(("fedavg", "foolsgold", "reputation_weighted")):
                tolerate = 0
            if name in ("mda", "smea"):
                tolerate = min(tolerate, 3)
            rule = rule_called(name)
            rule.check(count, tolerate)
            result = rule.aggregate(given, tolerate)
            state = sha256(result.total.astype("<i8").tobytes())
            state.update(str(result.denominator).encode())
            found[f"{rule.name} {count} x {size}, f = {tolerate}"] = state.hexdigest()
    return found


if __name__ == "__main__":
    print(json.dumps(digests(), indent=1))
