"""A second opinion by privacy loss distributions, where Google's dp-accounting is installed.

It is other people's code for what `loss_distribution` does, told beside both of our figures.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from collegium.accounting.orders import MICRO, NANO
from collegium.accounting.terms import PrivacyTerms

PACKAGE = "dp-accounting"


def cross_check(terms: PrivacyTerms, rounds: int) -> tuple[float, str] | None:
    """Return the epsilon of an update a round, for some rounds, and who calculated it.

    What the site's size costs is not in it. None where the package is not installed, and for noise
    on whole updates, which it does not know.
    """
    if not terms.protects.in_training:
        return None
    try:
        accounting: Any = import_module("dp_accounting")
        distributions: Any = import_module("dp_accounting.pld")
        name = f"{PACKAGE} {version(PACKAGE)}, privacy loss distributions"
    except (ImportError, PackageNotFoundError):
        return None
    event = accounting.GaussianDpEvent(terms.noise / MICRO)
    if terms.sampling < NANO:
        event = accounting.PoissonSampledDpEvent(terms.sampling / NANO, event)
    accountant = distributions.PLDAccountant()
    accountant.compose(event, rounds * terms.steps)
    return float(accountant.get_epsilon(terms.delta / 10**15)), name
