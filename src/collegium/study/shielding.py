"""What protects an update on its way and from whoever receives it, in plain words."""

from __future__ import annotations

from collegium.study.document import DifferentialPrivacy, Study
from collegium.study.privacy import RATE


def shield(study: Study, *, sealed: bool) -> str:
    """Return what protects an update, and what does not."""
    protection, private = study.privacy.protection, study.privacy.differential_privacy
    leak = (
        "A plain update can leak information about the rows behind it, such as whether a "
        "patient's row was among them. The risk is higher with few rows or many parameters"
    )
    if private is not None and protection == "none":
        inner = bounded(private)
    elif protection != "none":
        inner = f"{protection!r}; see its documentation for what it hides, and from whom"
    elif sealed:
        inner = f"to a validator it is plain. {leak}"
    else:
        inner = f"none: it is plain. {leak}"
    if not sealed:
        return inner
    return (
        "sealed: encrypted to the keys of the round's validators (AES-256-GCM; X25519). The "
        "store and the other members see only its size and sender. A validator key that is "
        f"stolen later opens earlier copies. Inside: {inner}"
    )


def sum_leak(study: Study) -> str:
    """Return what a sum of updates can tell."""
    private = study.privacy.differential_privacy
    if private is not None:
        return bounded(private)
    return "it can leak something about the rows of all sites together"


def bounded(private: DifferentialPrivacy) -> str:
    """Return what differential privacy bounds."""
    rate = RATE if private.sampling_rate is None else private.sampling_rate
    told, how = "all updates of the study together, and the site's size,", "DP-SGD"
    sampled = f"Poisson samples of rate {rate:g}"
    if private.unit == "client":
        told, how, sampled = "all updates of the study together", "Skellam noise", "no sampling"
    whom = (
        (", to those who see only sums or models; a single update contains only part of the noise")
        if private.mechanism == "central"
        else ""
    )
    return (
        f"differential privacy ({how}): {told} reveal at most epsilon {private.epsilon:g} at "
        f"delta {private.delta:g} about one {private.unit} ({sampled}, accountant rdp@1){whom}"
    )
