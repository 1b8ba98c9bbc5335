"""Parts found by name: our own, and those that other packages bring through entry points.

A kind is one seam of the system. Another package adds to it by an entry point in the group
``collegium.<kind>`` whose name is what a study document says and whose object is what the
seam's Protocol describes. Built-in names win: a package cannot replace what a recorded name
means.
"""

from __future__ import annotations

import difflib
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from collegium.errors import PluginError

Kind = Literal[
    "engines", "rules", "server_optimizers", "protections", "trainers", "datasets",
    "incentives", "attacks",
]  # fmt: skip

BUILT_IN: dict[Kind, dict[str, str]] = {
    "engines": {"solo": "collegium.ledger.engines.solo:open_solo"},
    "rules": {"fedavg": "collegium.learning.aggregation.fedavg:FEDAVG"},
    "server_optimizers": {
        "none": "collegium.learning.server:AVERAGE",
        "momentum": "collegium.learning.server:MOMENTUM",
        "adagrad": "collegium.learning.server:ADAGRAD",
        "adam": "collegium.learning.server:ADAM",
        "yogi": "collegium.learning.server:YOGI",
    },
    "protections": {"none": "collegium.learning.protection:NONE"},
    "trainers": {"dense": "collegium.learning.dense:DENSE"},
    "datasets": {"uci_heart": "collegium.data.uci_heart:load"},
    "incentives": {},
    "attacks": {
        "equivocating_validator": "collegium.threats.validators:EQUIVOCATING",
        "lying_validator": "collegium.threats.validators:LYING",
        "partly_served_update": "collegium.threats.sites:PARTLY_SERVING",
        "silent_site": "collegium.threats.sites:SILENT",
        "silent_validator": "collegium.threats.validators:SILENT",
        "spammer": "collegium.threats.sites:FLOODING",
        "two_faced_site": "collegium.threats.sites:TWO_FACED",
        "withheld_reveal": "collegium.threats.sites:WITHHOLDING",
    },
}


@cache
def _installed(kind: Kind) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"collegium.{kind}")}


def names(kind: Kind) -> list[str]:
    """Return every name of a kind, sorted: built in or brought by an installed package."""
    return sorted({*BUILT_IN[kind], *_installed(kind)})


def find(kind: Kind, name: str) -> Any:
    """Return the object behind a name.

    Raises:
        PluginError: nothing has that name (the nearest one is given), or it fails to load.
    """
    target = BUILT_IN[kind].get(name)
    if target is not None:
        module, _, attribute = target.partition(":")
        return getattr(import_module(module), attribute)
    point = _installed(kind).get(name)
    if point is None:
        near = difflib.get_close_matches(name, names(kind), n=1, cutoff=0.0)
        raise PluginError(
            "plugin.unknown",
            f"there is no {name!r} among {kind.replace('_', ' ')}",
            f"known are: {', '.join(names(kind)) or 'none'}",
            f"use {near[0]!r}, or install the package that brings {name!r}"
            if near
            else f"install a package with an entry point {name!r} in collegium.{kind}",
        )
    try:
        return point.load()
    except Exception as error:
        raise PluginError(
            "plugin.broken",
            f"{name!r} from {point.value} could not be loaded",
            f"{type(error).__name__}: {error}",
            "repair or reinstall the package that brings it",
        ) from error
