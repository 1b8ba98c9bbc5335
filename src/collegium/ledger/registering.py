"""What a study is registered with, as it follows from its document; mechanisms say their parts.

`study.design` is the seam.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from collegium.ledger.contract.declared import Parts, together
from collegium.plugins import aspects
from collegium.study.design import Facts, designs_of
from collegium.study.document import Study
from collegium.study.terms import fewest_sites, largest_share, server_optimizer, sites_per_round

VERSIONED = ("rule", "server")
"""Terms that are registered with a version, which a document does not name."""


def registered_terms(study: Study, sites: int, facts: Facts | None = None) -> dict[str, object]:
    """Return every term of a registration that the document fixes.

    Args:
        study: the document.
        sites: how many there are.
        facts: what is known beside it.

    Returns:
        fields of a `study.register`; rule and server without a version.
    """
    known = Facts() if facts is None else facts
    declared, using = aspects("terms"), designs_of(study, known)
    return {
        "attendance": study.study.attendance,
        "exponent": study.aggregation.exponent,
        "largest_share": largest_share(study) or msgspec.UNSET,
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
                design.terms(study, sites, known)
                for design in using.values()
                if design.terms is not None
            ),
        ),
        "weights": study.aggregation.weights,
    }  # fmt: skip


def differing_terms(
    study: Study, sites: int, registered: Mapping[str, object], facts: Facts | None = None
) -> dict[str, tuple[object, object]]:  # fmt: skip
    """Return each registered term that the document contradicts: what is registered, what it says.

    Args:
        study: the document.
        sites: how many sites are registered.
        registered: the registration's fields, `study` among them.
        facts: what is known beside the document; if nothing is, what only the data would tell is
            taken as it is registered.
    """
    terms = registered["terms"]
    if facts is None:
        facts = Facts(registered=terms if isinstance(terms, msgspec.Struct) else Parts())
    found: dict[str, tuple[object, object]] = {}
    for name, documented in registered_terms(study, sites, facts).items():
        value = registered[name]
        if name in VERSIONED:
            value = str(value).partition("@")[0]
        if name == "terms" and value != documented:
            found |= _differing(_by_mechanism(value), _by_mechanism(documented)) or {
                name: (value, documented)
            }
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
