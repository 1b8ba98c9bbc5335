"""What a study is registered with, as it follows from the document and the number of sites."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import ceil

from collegium.study.design import hiding_design
from collegium.study.document import SecureAggregation, Study, TableSource
from collegium.study.graph_size import (
    GraphSize,
    Population,
    graph_size,
    least_threshold,
    population,
)

SITES_LIMIT = 400
"""Most sites of a study: a registration names each, and has to fit into one transaction."""

FEWEST_HIDDEN = 3
"""Updates that a sum must hold: of a sum of two, each member knows the other's update."""

OWN_SERVER = ("fednova", "scaffold")
"""Algorithms with a server step of their own."""

STATISTICS_STEPS = 3
"""Steps in which sites agree on the preparation of tables: columns, moments, quantiles."""

WITH_GRAPH = ("secagg_plus",)
"""Secure sums in which members mask with neighbours that are drawn."""

SHARE_OF_FAULTS = 0.1
"""Of a round's members that may be corrupt, and that may drop out, where a study says nothing."""


def server_optimizer(study: Study) -> str:
    """Return the server step of a study by name: its algorithm's own, if that has one."""
    algorithm = study.training.algorithm
    if algorithm is not None and algorithm in OWN_SERVER:
        return algorithm
    return study.aggregation.server.optimizer


def agrees_by_statistics(study: Study) -> bool:
    """Return whether sites agree on how their tables are prepared by statistics of their rows."""
    return isinstance(study.data.source, TableSource) and study.data.columns is None


def sites_per_round(study: Study, sites: int) -> int:
    """Return how many of a study's sites take part in a round."""
    return max(1, round(min(study.training.client_fraction, 1.0) * sites))


def largest_share(study: Study) -> int | None:
    """Return how much of a round's weight one site has at most, in thousandths, rounded down."""
    share = study.aggregation.largest_share
    return None if share is None else int(Decimal(str(share)) * 1000)


def fewest_sites(study: Study, sites: int) -> int:
    """Return how many updates a round needs."""
    if study.study.min_sites is not None:
        return study.study.min_sites
    drawn = sites_per_round(study, sites)
    return drawn if study.study.attendance == "all" else ceil(2 * drawn / 3)


def with_graph(study: Study) -> bool:
    """Return whether members mask with neighbours that are drawn."""
    secure = study.privacy.secure_aggregation
    return secure is not None and secure.protocol in WITH_GRAPH


def graph_of(study: Study, sites: int) -> GraphSize | None:
    """Return the graph of a round and its threshold; None where everybody masks with everybody."""
    secure = study.privacy.secure_aggregation
    if secure is None or not with_graph(study):
        return None
    drawn = sites_per_round(study, sites)
    if isinstance(secure.degree, int):
        degree, least = secure.degree, least_threshold(secure.trust, holders(secure.degree, drawn))
    else:
        found = graph_size(expected_faults(secure, drawn), secure.trust)
        degree, least = found.degree, found.threshold
    return GraphSize(degree, secure.threshold or least)


def expected_faults(secure: SecureAggregation, drawn: int) -> Population:
    """Return how many of a round's members may be corrupt and missing."""
    shares = (
        SHARE_OF_FAULTS if share is None else share for share in (secure.corrupt, secure.missing)
    )
    return population(drawn, *shares)


def holders(degree: int, drawn: int) -> int:
    """Return how many neighbours hold a member's shares, where so many take part."""
    return min(degree, drawn - 1)


def share_threshold(study: Study, sites: int) -> int:
    """Return how many shares open a secret; 0 where updates are plain."""
    secure, graph = study.privacy.secure_aggregation, graph_of(study, sites)
    if graph is not None:
        return graph.threshold
    if secure is None:
        return 0
    if secure.threshold is not None:
        return secure.threshold
    least = least_threshold(secure.trust, group_sizes(study, sites)[1])
    return max(least, fewest_in_group(study)) if secure.groups is not None else least


def group_count(study: Study) -> int:
    """Return how many groups masked updates are summed in; 0 where there are none."""
    secure = study.privacy.secure_aggregation
    return 0 if secure is None or secure.groups is None else secure.groups


def fewest_groups(study: Study) -> int:
    """Return how many groups a round needs, 2f + 1 unless told; 0 where there are none."""
    secure = study.privacy.secure_aggregation
    if secure is None or secure.groups is None:
        return 0
    return secure.fewest_groups or 2 * study.aggregation.tolerate + 1


def group_sizes(study: Study, sites: int) -> tuple[int, int]:
    """Return how many sites the smallest and the largest group of a full round have."""
    drawn, groups = sites_per_round(study, sites), group_count(study) or 1
    return drawn // groups, -(-drawn // groups)


def fewest_in_group(study: Study) -> int:
    """Return how many updates a group's sum must hold so that two stay hidden from all bad sites.

    The lots may put all of them into one group; of a sum of two, each knows the other's update.
    """
    return max(study.aggregation.tolerate + 2, FEWEST_HIDDEN)


def encrypts(study: Study) -> bool:
    """Return whether updates are encrypted so that they add up."""
    design = hiding_design(study)
    return design is not None and design.encrypts


def fewest_updates(study: Study, sites: int) -> int:
    """Return how few updates an attempt can succeed with."""
    themselves = graph_of(study, sites) is not None  # nobody holds a share of its own
    holders = share_threshold(study, sites) * max(fewest_groups(study), 1)
    return max(fewest_sites(study, sites), holders + themselves)


def dropouts(share: float, participants: int) -> int:
    """Return floor(share x participants), the share taken as the decimal it is written as.

    In binary 0.29 x 100 is a little less than 29.
    """
    return int(Fraction(repr(float(share))) * participants)
