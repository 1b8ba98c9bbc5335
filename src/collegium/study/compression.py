"""Whether a study's updates can be cut to some coordinates, and how many of them are sent.

Random-k: Konečný, McMahan, Yu, Richtárik, Suresh and Bacon, "Federated Learning: Strategies for
Improving Communication Efficiency", 2016 (random mask); error feedback: Stich, Cordonnier and
Jaggi, "Sparsified SGD with Memory", NeurIPS 2018.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import msgspec

from collegium.study.document import Study
from collegium.study.refusal import DocumentPath, contradiction

PARTS = 1_000_000
"""What the registered share of coordinates is in parts of."""

_PLACE: DocumentPath = ("aggregation", "compression")


def kept_share(study: Study) -> int | msgspec.UnsetType:
    """Return the share of coordinates that are sent, in millionths rounded up; unset for all."""
    compression = study.aggregation.compression
    if compression is None:
        return msgspec.UNSET
    return ceil(Fraction(repr(float(compression.keep))) * PARTS)


def sent_coordinates(parameters: int, keep: int | msgspec.UnsetType) -> int:
    """Return how many coordinates an update has.

    Args:
        parameters: how many the model has.
        keep: the registered share, in millionths.
    """
    return -(-parameters * keep // PARTS) if isinstance(keep, int) else parameters


def check_compression(study: Study) -> None:
    """Refuse to cut updates that something needs as a whole.

    Raises:
        Refusal: ``study.combination``.
    """
    if study.aggregation.compression is None:
        return
    private, secure = study.privacy.differential_privacy, study.privacy.secure_aggregation
    feedback, training = study.aggregation.compression.feedback, study.training
    for applies, path, what, why in (
        (
            study.aggregation.rule != "fedavg", ("aggregation", "rule"),
            f"the rule {study.aggregation.rule!r}",
            "it compares updates, and where most coordinates are not sent, distances tell little",
        ),
        (
            training.algorithm not in (None, "fedavg"), ("training", "algorithm"),
            f"the algorithm {training.algorithm!r}",
            "what its sites share besides the model must arrive whole",
        ),
        (
            study.personalization is not None, ("personalization",), "a personal part",
            "which coordinates are personal is for the sites to know, and draws are public",
        ),
        (
            training.early_stopping is not None, ("training", "early_stopping"), "early stopping",
            "the sites' losses are a coordinate of the sum, which a draw would leave out",
        ),
        (
            study.search is not None, ("search",), "a search",
            "the sites' losses are a coordinate of the sum, which a draw would leave out",
        ),
        (
            study.aggregation.scores is not None, ("aggregation", "scores"), "scores",
            "a validator scores what an update makes of the whole model",
        ),
        (
            secure is not None and secure.groups is not None,
            ("privacy", "secure_aggregation", "groups"), "sums by groups",
            "a rule compares the groups' means, and where most coordinates are not sent, distances"
            " tell little",
        ),
        (
            secure is not None and secure.norm_bound is not None,
            ("privacy", "secure_aggregation", "norm_bound"), "a bound on an update's length",
            "the length is that of the whole update",
        ),
        (
            secure is not None and secure.sum_check is not None,
            ("privacy", "secure_aggregation", "sum_check"), "commitments to what is masked",
            "they are made for every coordinate of the model",
        ),
        (
            private is not None and not private.protects.in_training,
            ("privacy", "differential_privacy", "unit"), "noise for whole sites",
            "clip and noise are made for all coordinates of an update",
        ),
        (
            study.privacy.protection != "none", ("privacy", "protection"),
            f"the stage {study.privacy.protection!r}", "it is made for a whole update",
        ),
        (
            bool(training.site_momentum) and feedback, ("training", "site_momentum"),
            "momentum at the site beside feedback",
            "a site would carry on twice what it has not sent",
        ),
    ):  # fmt: skip
        if applies:
            raise contradiction(
                path, f"random_k does not go with {what}", why,
                'set aggregation.rule = "fedavg", or remove aggregation.compression'
                if path == ("aggregation", "rule")
                else f"remove {'.'.join(path)}, or aggregation.compression",
            )  # fmt: skip
