"""Whether a study's updates can be cut to some coordinates, and how many of them are sent.

Random-k: Konečný, McMahan, Yu, Richtárik, Suresh and Bacon, "Federated Learning: Strategies for
Improving Communication Efficiency", 2016 (random mask); error feedback: Stich, Cordonnier and
Jaggi, "Sparsified SGD with Memory", NeurIPS 2018.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil

from collegium.study.document import Study
from collegium.study.refusal import DocumentPath, contradiction

PARTS = 1_000_000
"""What the registered share of coordinates is in parts of."""


def kept_share(study: Study) -> int | None:
    """Return the share of coordinates that are sent, in millionths rounded up; None for all."""
    compression = study.aggregation.compression
    if compression is None:
        return None
    return ceil(Fraction(repr(float(compression.keep))) * PARTS)


def sent_coordinates(parameters: int, keep: int | None) -> int:
    """Return how many coordinates an update has.

    Args:
        parameters: how many the model has.
        keep: the registered share, in millionths.
    """
    return -(-parameters * keep // PARTS) if keep is not None else parameters


def require_whole(study: Study, path: DocumentPath, what: str, why: str) -> None:
    """Refuse to cut updates that something needs as a whole.

    Args:
        study: the document.
        path: the key that asks for it.
        what: what it is, in a few words.
        why: it needs them whole.

    Raises:
        Refusal: ``study.combination``.
    """
    if study.aggregation.compression is None:
        return
    raise contradiction(
        path, f"random_k does not go with {what}", why,
        'set aggregation.rule = "fedavg", or remove aggregation.compression'
        if path == ("aggregation", "rule")
        else f"remove {'.'.join(map(str, path))}, or aggregation.compression",
    )  # fmt: skip
