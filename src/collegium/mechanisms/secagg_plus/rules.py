"""Masks among neighbours on the ledger: the graph follows from everybody's keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from collegium.ledger.contract.context import RoundAt
from collegium.ledger.contract.declared import part_of
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.rules import Ending, Rules
from collegium.ledger.contract.tables import StudyRecord
from collegium.ledger.contract.transactions import StudyRegister
from collegium.mechanisms.dealing.rules import counted, sound_dealers, threshold_of
from collegium.mechanisms.secagg_plus.graph import Graph, draw_graph
from collegium.mechanisms.secagg_plus.terms import MECHANISM, GraphTerms


def degree_of(record: StudyRecord) -> int | None:
    """Return how many neighbours a participant has; None where everybody masks with everybody."""
    terms = part_of(record.terms, GraphTerms)
    return None if terms is None else terms.degree


def graph_of(at: RoundAt) -> Graph | None:
    """Return who is whose neighbour in an attempt; None where everybody is everybody's."""
    degree = degree_of(at.record)
    if degree is None:
        return None
    return draw_graph(at.study, at.number, at.attempt, tuple(at.items("sa_keys")), degree)


def even_degree(degree: int) -> None:
    """Refuse an odd degree.

    Raises:
        Rejected: it is odd.
    """
    if degree % 2:
        raise Rejected("refused", f"a graph of the odd degree {degree} is not drawn")


def _holders(tx: StudyRegister) -> tuple[int, int]:
    terms = part_of(tx.terms, GraphTerms)
    if terms is None:
        return tx.per_round, tx.per_round
    even_degree(terms.degree)
    count = min(terms.degree, tx.per_round - 1)
    return count, count


def _arranges(at: RoundAt) -> Mapping[str, tuple[str, ...]] | None:
    return graph_of(at)


def _fewest(record: StudyRecord) -> int:
    return threshold_of(record) + 1  # nobody holds a share of its own


def _phase_ends(at: RoundAt, ending: Ending) -> Ending:
    """Fail an attempt in which too few of somebody's neighbours go on to open its secrets.

    Over the complete graph their number tells, and nothing else is asked of them.
    """
    threshold, voices = threshold_of(at.record), sound_dealers(at)
    if at.current.phase == "commit" and ending.unsound:
        thin = any(holders < threshold for _, holders in counted(at, voices).values())
        return replace(ending, failed="too-few") if thin else ending
    table = {"available": "included", "share": "shares"}.get(at.current.phase)
    if table is None:
        return ending
    present = frozenset(at.names(table))
    there = {name: voice for name, voice in voices.items() if name in present}
    if any(count < threshold for count, _ in counted(at, there).values()):
        return replace(ending, failed="too-few")
    return ending


RULES = Rules(
    MECHANISM, holders=_holders, arranges=_arranges, fewest=_fewest, phase_ends=_phase_ends
)
