"""How many bytes a blob may have that a node fetches: it follows from the studies on the ledger."""

from __future__ import annotations

from collegium.federation.view import StudyView
from collegium.ledger.state import State
from collegium.node.ledger_queries import registered_studies

LEAST = 1 << 26
"""Bytes that any blob may have: documents, statistics, deals and the models of small studies."""

BYTES_A_PARAMETER = 64
"""The widest encoding, an encrypted update's residues, takes less; so does a model with the
memory of its server's optimizer."""


def largest_blob(state: State) -> int:
    """Return the most bytes that a blob of any registered study needs."""
    views = (StudyView(state, study) for study in registered_studies(state))
    records = [view.registration for view in views]
    most = max((record.parameters for record in records if record is not None), default=0)
    return LEAST + BYTES_A_PARAMETER * most
