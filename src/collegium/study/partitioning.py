"""Whether a study's partition says what it needs to, and no more."""

from __future__ import annotations

from collegium.study.document import Study
from collegium.study.refusal import Refusal

NEEDED = {
    "site": (), "split": ("sites",), "iid": ("sites",), "size": ("sites", "alpha"),
    "dirichlet": ("sites", "alpha"),
}  # fmt: skip
"""The numbers that each kind of partition takes, all of them needed."""


def check_partition(study: Study) -> None:
    """Refuse a partition that lacks a number, or has one that means nothing to it.

    Raises:
        Refusal: ``study.combination``.
    """
    partition = study.data.partition
    for key, value in {"sites": partition.sites, "alpha": partition.alpha}.items():
        path = ("data", "partition", key)
        if value is None and key in NEEDED[partition.by]:
            raise Refusal(
                path, "study.combination", f"a partition by {partition.by!r} needs {key}",
                "it makes up its sites",
                f"add {key}, as in partition = {{ by = {partition.by!r}, {key} = ... }}",
            )  # fmt: skip
        if value is not None and key not in NEEDED[partition.by]:
            raise Refusal(
                path, "study.combination", f"a partition by {partition.by!r} takes no {key}",
                "the data fix it" if partition.by == "site" else "it has no such parameter",
                f"remove {key}, or choose another kind of partition",
            )  # fmt: skip
