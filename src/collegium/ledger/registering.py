"""What a study is registered with, as it follows from its document; mechanisms say their parts.

A mechanism's file `design` says whether a document uses it (`uses`), and what of it is registered
(`terms`), given the document, the number of sites, and what is counted of test rows, which follows
from what the data mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from collegium.ledger.contract.declared import together
from collegium.plugins import aspects
from collegium.study.document import Study
from collegium.study.sum_terms import EvaluationLayout, SumTerms
from collegium.study.terms import fewest_sites, server_optimizer, sites_per_round

VERSIONED = ("rule", "server")
"""Terms that are registered with a version, which a document does not name."""


def registered_terms(
    study: Study, sites: int, evaluation: EvaluationLayout | None = None
) -> dict[str, object]:
    """Return every term of a registration that the document fixes.

    Args:
        study: the document.
        sites: how many there are.
        evaluation: what is counted of test rows, if anything is.

    Returns:
        fields of a `study.register`; rule and server without a version.
    """
    declared, designs = aspects("terms"), aspects("design")
    using = [name for name, design in designs.items() if design.uses(study, evaluation)]
    return {
        "attendance": study.study.attendance,
        "exponent": study.aggregation.exponent,
        "max_attempts": study.study.max_attempts,
        "min_sites": fewest_sites(study, sites),
        "modules": tuple(sorted(declared[name].MECHANISM.versioned for name in using)),
        "participation": "cyclic" if study.training.participation == "cyclic" else msgspec.UNSET,
        "per_round": sites_per_round(study, sites),
        "rounds": study.training.rounds,
        "rule": study.aggregation.rule,
        "seed": study.study.seed,
        "server": server_optimizer(study),
        "study": study.study.id,
        "terms": together(
            "terms",
            (
                designs[name].terms(study, sites, evaluation)
                for name in using
                if "terms" in declared[name].MECHANISM.parts
            ),
        ),
        "weights": study.aggregation.weights,
    }  # fmt: skip


def differing_terms(
    study: Study, sites: int, registered: Mapping[str, object],
    evaluation: EvaluationLayout | Literal["registered"] | None = "registered",
) -> dict[str, tuple[object, object]]:  # fmt: skip
    """Return each registered term that the document contradicts: what is registered, what it says.

    Args:
        study: the document.
        sites: how many sites are registered.
        registered: the registration's fields, `study` among them.
        evaluation: what is counted of test rows, where the data tell; else what is registered.
    """
    counted = _counted(registered["terms"]) if evaluation == "registered" else evaluation
    found: dict[str, tuple[object, object]] = {}
    for name, documented in registered_terms(study, sites, counted).items():
        value = registered[name]
        if name in VERSIONED:
            value = str(value).partition("@")[0]
        if name == "terms":
            found |= _differing(_by_mechanism(value), _by_mechanism(documented))
        elif value != documented:
            found[name] = (value, documented)
    return found


def _differing(
    registered: Mapping[str, object], documented: Mapping[str, object]
) -> dict[str, tuple[object, object]]:
    pairs = {
        name: (registered.get(name), documented.get(name)) for name in {*registered, *documented}
    }
    return {name: pairs[name] for name in sorted(pairs) if pairs[name][0] != pairs[name][1]}


def _by_mechanism(terms: object) -> dict[str, object]:
    if not isinstance(terms, msgspec.Struct):
        return {}
    return {name: one for name in terms.__struct_fields__ if (one := getattr(terms, name))}


def _counted(terms: object) -> EvaluationLayout | None:
    """Return what is registered as counted of test rows."""
    sums = _by_mechanism(terms).get("sums")
    return sums.evaluation or None if isinstance(sums, SumTerms) else None
