"""What protects patients in a study, as a report tells of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collegium.audit.findings import LedgerPrivacySpent, StudyPrivacySpent, Verification
from collegium.report.measurements import AttackLine, Line
from collegium.study.document import Study
from collegium.study.terms import (
    encrypts,
    graph_of,
    group_count,
    group_sizes,
    holders,
    share_threshold,
    sites_per_round,
)


@dataclass(frozen=True, slots=True)
class SecureAggregationShown:
    """Secure aggregation as the study names it; `threshold` many could open an update together.

    They are any of a round's sites or, with a `degree`, of the so many neighbours of a site.
    `encrypted` says that updates are encrypted, and not masked. With `groups` they are a group's,
    whose smallest and largest have `sizes` in a full round; the rule bears `tolerate` bad ones.
    `norm_bound` is the longest step a site sends, if one is set, and `checked` says that sums are
    held against what sites committed to.
    """

    protocol: str
    trust: str
    threshold: int
    degree: int | None = None
    encrypted: bool = False
    groups: int = 0
    sizes: tuple[int, int] = (0, 0)
    tolerate: int = 0
    norm_bound: float | None = None
    checked: bool = False


@dataclass(frozen=True, slots=True)
class Protections:
    """How an update is protected on its way, as the study names it, and what was spent by site.

    `totals` are what the same units have lost in all studies of the ledger, if there are others;
    `keep` is the share of coordinates that an update holds, None for all.
    """

    protection: str
    secrecy: SecureAggregationShown | None
    privacy: tuple[StudyPrivacySpent, ...]
    totals: tuple[LedgerPrivacySpent, ...] = ()
    attacks: tuple[AttackLine, ...] = ()
    keep: float | None = None


def protections_of(
    study: Study, sites: int, verification: Verification, lines: Sequence[Line]
) -> Protections:
    """Return what protects patients in a study of so many sites, and what attacks found."""
    return Protections(
        study.privacy.protection,
        _secrecy(study, sites),
        tuple(one for one in verification.privacy if one.study == study.study.id),
        tuple(one for one in verification.totals if len(one.studies) + len(one.unbounded) > 1),
        tuple(line for line in lines if isinstance(line, AttackLine)),
        None if study.aggregation.compression is None else study.aggregation.compression.keep,
    )


def _secrecy(study: Study, sites: int) -> SecureAggregationShown | None:
    chosen = study.privacy.secure_aggregation
    if chosen is None or sites == 0:
        return None
    graph = graph_of(study, sites)
    degree = None if graph is None else holders(graph.degree, sites_per_round(study, sites))
    return SecureAggregationShown(
        chosen.protocol, chosen.trust, share_threshold(study, sites), degree,
        encrypts(study), group_count(study), group_sizes(study, sites),
        study.aggregation.tolerate, chosen.norm_bound, chosen.sum_check is not None,
    )  # fmt: skip
