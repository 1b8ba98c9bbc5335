"""What a study's document says of compression, as it is registered."""

from __future__ import annotations

from collegium.mechanisms.compression.terms import CompressionTerms
from collegium.study.compression import kept_share, require_whole
from collegium.study.design import Design, Facts
from collegium.study.document import Study
from collegium.study.limit import Limit


def _uses(study: Study, facts: Facts) -> bool:
    """Return whether updates have some coordinates only."""
    return kept_share(study) is not None


def _terms(study: Study, sites: int, facts: Facts) -> CompressionTerms | None:
    """Return how many coordinates updates have; None where they have all."""
    keep = kept_share(study)
    return CompressionTerms(keep=keep) if keep is not None else None


def _check(study: Study) -> None:
    """Refuse to cut updates that something needs as a whole, beside other mechanisms."""
    compression = study.aggregation.compression
    if compression is None:
        return
    training, feedback = study.training, compression.feedback
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
            require_whole(study, path, what, why)


DESIGN = Design(
    _uses,
    _terms,
    check=_check,
    limits=(Limit(("aggregation", "compression", "keep"), 0.000001, 1, open_high=True),),
)
