"""Our rules on the vectors: exact integers, from recorded updates to the aggregate."""

from __future__ import annotations

from functools import partial
from hashlib import sha256

from benchmarks.outcome import tell
from benchmarks.vectors import BAD, asked, digest, timed, updates

from collegium.learning.aggregation.composition import rule_called
from collegium.learning.aggregation.mixing import NNM
from collegium.learning.aggregation.rows import rows_of
from collegium.learning.aggregation.updates import Updates

ONE = ("krum", "median", "geometric_median", "centered_clipping", "trimmed_mean")


def main() -> None:
    """Time every rule."""
    count, size = asked()
    values = updates(count, size)
    keys = tuple(sha256(row.tobytes()).digest() for row in values)
    names = tuple(f"site-{index}" for index in range(count))
    bad = count // BAD
    recorded = Updates(values, (1,) * count, 12, names, keys)

    def mixed(recorded: Updates) -> object:
        rows = NNM.apply(rows_of(recorded), bad, 2 * bad + 1)
        return rows.mean_of(range(rows.count))

    rules = {name: partial(rule_called(name).aggregate, tolerate=bad) for name in ONE}
    tell(data=digest(values), seconds=timed({**rules, "nnm+fedavg": mixed}, recorded))


if __name__ == "__main__":
    main()
