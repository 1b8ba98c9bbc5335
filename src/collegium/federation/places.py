"""Where a site's outbox keeps what belongs to an attempt or a round.

The genesis comes first: a home that goes on under a successor's ledger reveals nothing old.
"""

from __future__ import annotations

from collegium.federation.view import StudyView


def attempt_place(genesis: bytes, view: StudyView) -> str:
    """Return the key of the update of the open attempt."""
    return f"{genesis.hex()}/update/{view.study}/{view.number}/{view.attempt}"


def round_place(genesis: bytes, view: StudyView) -> str:
    """Return the key of the update of the open round, whichever attempt it is."""
    return f"{genesis.hex()}/round/{view.study}/{view.number}"


def secrecy_place(genesis: bytes, view: StudyView, what: str) -> str:
    """Return the key of what secure aggregation says in the open attempt."""
    return f"{genesis.hex()}/secagg/{view.study}/{view.number}/{view.attempt}/{what}"
