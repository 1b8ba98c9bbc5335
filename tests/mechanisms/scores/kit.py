"""Simulations without a ledger whose scores can be looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from collegium.assembly.preparation import Prepared
from collegium.mechanisms.scores.design import score_terms
from collegium.mechanisms.scores.simulated import LedgerlessScores
from collegium.mechanisms.scores.terms import ScoreTerms
from collegium.simulation.ledgerless import LedgerlessRun, run_without_ledger
from collegium.simulation.seam import Simulated, Simulation

S = TypeVar("S", bound=LedgerlessScores)


def scored(
    prepared: Prepared, kind: Callable[[Simulation, ScoreTerms], S]
) -> tuple[S, LedgerlessRun]:
    """What validators said in a study, kept in a book of some kind, and what the study came to."""
    books: list[S] = []

    def simulates(within: Simulation) -> Simulated:
        terms = score_terms(within.prepared.study)
        assert terms is not None
        books.append(kind(within, terms))
        return books[0].simulated

    ended = run_without_ledger(prepared, simulates=[simulates])
    return books[0], ended
