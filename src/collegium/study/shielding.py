"""What protects an update on its way and from whoever receives it, in plain words."""

from __future__ import annotations

from collegium.study.document import DifferentialPrivacy, Study


def shield(study: Study, *, sealed: bool) -> str:
    """Return what protects an update, and what does not."""
    protection, private = study.privacy.protection, study.privacy.differential_privacy
    leak = (
        "A plain update can leak information about the rows behind it, such as whether a patient's"
        " row was among them, the more so with few rows or many parameters"
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
        "sealed: encrypted to the keys of the round's validators (AES-256-GCM; X25519), so that the"
        " store and the other members see its size and whose it is. A validator's key that is"
        f" stolen later opens what was copied before. Within: {inner}"
    )


def bounded(private: DifferentialPrivacy) -> str:
    """Return what differential privacy bounds."""
    return (
        "differential privacy (DP-SGD): all updates of the study together, and the site's"
        f" size, tell at most epsilon {private.epsilon:g} at delta {private.delta:g} about one"
        f" {private.unit} (Poisson samples of rate {private.sampling_rate:g}, accountant rdp@1)"
    )
