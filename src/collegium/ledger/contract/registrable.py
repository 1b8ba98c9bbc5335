"""Whether what is registered can be carried out, and is as safe as it says."""

from __future__ import annotations

import msgspec

from collegium.ledger.contract.phases import (
    is_graph,
    is_grouped,
    is_masked,
    opens_one_key,
)
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.selection import MOST_TRIALS
from collegium.ledger.contract.summing import MOST_ROUNDS
from collegium.ledger.contract.transactions import StudyRegister
from collegium.study.graph_size import MOST_SHARES
from collegium.study.sum_terms import SumTerms

LARGEST_ENCRYPTED = 64
"""Sites of a round that encrypt: the modulus has room for the noise of so many."""


def _group_sizes(tx: StudyRegister) -> tuple[int, int]:
    """Return the sizes of a full round's smallest and largest group.

    Raises:
        Rejected: a study in groups does not say how many, or more than it has members for.
    """
    if tx.groups is msgspec.UNSET or tx.fewest_groups is msgspec.UNSET:
        raise Rejected("malformed", f"the design {tx.design} says how many groups there are")
    if not tx.fewest_groups <= tx.groups <= tx.per_round:
        raise Rejected("refused", "fewest_groups <= groups <= per_round does not hold")
    return tx.per_round // tx.groups, -(-tx.per_round // tx.groups)


def check_threshold(tx: StudyRegister) -> None:
    """Refuse a threshold at which two disjoint groups could open two secrets of one member."""
    numbers = (tx.groups, tx.fewest_groups)
    if not is_grouped(tx.design) and any(one is not msgspec.UNSET for one in numbers):
        raise Rejected("malformed", f"the design {tx.design} has no groups")
    if not is_masked(tx.design):
        terms = (tx.threshold, tx.degree, tx.sum_check)
        if any(term is not msgspec.UNSET for term in terms):
            raise Rejected("malformed", f"the design {tx.design} shares no secrets")
        return
    if tx.threshold is msgspec.UNSET:
        raise Rejected("malformed", f"the design {tx.design} needs a threshold")
    if (tx.degree is msgspec.UNSET) == is_graph(tx.design):
        raise Rejected("malformed", "a degree belongs to designs with a graph, and to all of them")
    fewest, most = _group_sizes(tx) if is_grouped(tx.design) else (tx.per_round, tx.per_round)
    if isinstance(tx.degree, int):
        if tx.degree % 2:
            raise Rejected("refused", f"a graph of the odd degree {tx.degree} is not drawn")
        fewest = most = min(tx.degree, tx.per_round - 1)
    if most > MOST_SHARES:
        raise Rejected("refused", f"at most {MOST_SHARES} members share a secret")
    if opens_one_key(tx.design) and most > LARGEST_ENCRYPTED:
        raise Rejected("refused", f"at most {LARGEST_ENCRYPTED} sites of a round encrypt")
    if not most < 2 * tx.threshold <= 2 * fewest:
        raise Rejected("refused", "holders / 2 < threshold <= holders does not hold")


def check_sums(tx: StudyRegister) -> None:
    """Refuse sums of statistics that would not be hidden, or that privacy is not charged for."""
    if not isinstance(tx.sums, SumTerms):
        return
    if not is_masked(tx.design) or tx.privacy is not msgspec.UNSET:
        raise Rejected("refused", "only a study with masked updates and no noise has sums")
    if isinstance(tx.sums.degree, int) and tx.sums.degree % 2:
        raise Rejected("refused", f"a graph of the odd degree {tx.sums.degree} is not drawn")
    holders = len(tx.sites)
    if isinstance(tx.sums.degree, int):
        holders = min(tx.sums.degree, holders - 1)
    if not holders < 2 * tx.sums.threshold <= 2 * holders or holders > MOST_SHARES:
        raise Rejected("refused", "holders / 2 < threshold <= holders does not hold of sums")


def check_selection(tx: StudyRegister) -> bool:
    """Return whether there are several trials.

    Raises:
        Rejected: nothing chooses among them, they are too many, or losses would tell of patients.
    """
    trials = tx.trials if isinstance(tx.trials, int) else 0
    if trials and tx.selection is msgspec.UNSET:
        raise Rejected("malformed", "trials need a selection")
    if trials > MOST_TRIALS or trials * tx.rounds > MOST_ROUNDS:
        raise Rejected("refused", "trials are beyond what a ledger allows")
    if tx.selection is not msgspec.UNSET and tx.privacy is not msgspec.UNSET:
        raise Rejected("refused", "validation losses have no differential privacy")
    return trials > 1
