"""How many shares open a secret in a study, and what its sums over different sets would show."""

from __future__ import annotations

from collegium.mechanisms.dealing.terms import DealingTerms
from collegium.study.design import Design, Facts
from collegium.study.document import Study
from collegium.study.english import Value
from collegium.study.limit import Limit
from collegium.study.notice import Notice
from collegium.study.refusal import contradiction
from collegium.study.secagg_checks import PLACE
from collegium.study.terms import share_threshold, sites_per_round

_LARGEST = 32767
"""The largest coordinate of an update, in steps of its encoding."""

_BY_ROOTS = ("adagrad", "adam", "yogi")
"""Server optimizers that divide by the root of squares: no step is longer than about ten rates."""


def _uses(study: Study, facts: Facts) -> bool:
    """Return whether updates are hidden."""
    return study.privacy.secure_aggregation is not None


def _terms(study: Study, sites: int, facts: Facts) -> DealingTerms:
    """Return the threshold."""
    return DealingTerms(threshold=share_threshold(study, sites))


def _check(study: Study) -> None:
    """Refuse a server step after which the next round starts from the same model.

    Its sum would be one more of the same updates, over whoever takes part then.

    Raises:
        Refusal: not even the largest update moves a parameter by half a step of the encoding.
    """
    server, largest = study.aggregation.server, float(_LARGEST)
    if study.privacy.secure_aggregation is None:
        return
    if server.optimizer in _BY_ROOTS:
        step = 2.0**-study.aggregation.exponent
        largest = min(10.0, _LARGEST * step / server.tau) / step
    if server.learning_rate * largest >= 0.5:
        return
    raise contradiction(
        ("aggregation", "server", "learning_rate"),
        f"a server step of {server.learning_rate:g} would not move the model",
        "not even the largest update moves a parameter by half a step of the encoding, so that"
        " every round would sum the same updates, over other sites",
        "choose a larger learning_rate, or a larger aggregation.exponent",
    )  # fmt: skip


def _notices(study: Study, sites: int) -> tuple[Notice, ...]:
    """Return that rounds sum nearly the same updates over different sets, where they do."""
    secure = study.privacy.secure_aggregation
    if secure is None or study.privacy.differential_privacy is not None:
        return ()
    drawn = sites_per_round(study, sites)
    if drawn == sites:
        return ()
    told: dict[str, Value] = {"case": "drawn", "drawn": drawn, "sites": sites}
    return (Notice("warning", "study.sums-over-many-sets", told),)


DESIGN = Design(
    _uses,
    _terms,
    check=_check,
    notices=_notices,
    limits=(Limit((*PLACE, "threshold"), 1, 100_000),),
)
"""When a study's updates travel in this way."""
