"""The designs of a round, as data: which phases it has, in which order, and who speaks in each.

Architecture section 4. A design is a subsequence of `ORDER`; a later one adds phases by giving each
an entry in `PHASES`, a transaction kind and a handler, without touching the ones that exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ORDER = (
    "sa.bind", "sa.keys", "sa.deal", "commit", "reveal", "available", "score.commit",
    "score.reveal", "share", "open", "vote",
)  # fmt: skip

OPENING = ("share", "open")
"""Phases in which survivors give what opens their sum."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase: who is expected to speak, by which kind of transaction, kept in which table."""

    name: str
    speakers: Literal["participants", "validators", "scorers"]
    kind: str
    table: str


PHASES = {
    phase.name: phase
    for phase in (
        Phase("sa.bind", "participants", "sa.bind", "sa_bound"),
        Phase("sa.keys", "participants", "sa.keys", "sa_keys"),
        Phase("sa.deal", "participants", "sa.deal", "sa_deals"),
        Phase("commit", "participants", "update.commit", "commits"),
        Phase("reveal", "participants", "update.reveal", "reveals"),
        Phase("available", "validators", "update.available", "available"),
        Phase("score.commit", "scorers", "score.commit", "score_commits"),
        Phase("score.reveal", "scorers", "score.reveal", "scores"),
        Phase("share", "participants", "share.post", "shares"),
        Phase("open", "participants", "sum.open", "shares"),
        Phase("vote", "validators", "round.vote", "votes"),
    )
}

DESIGNS: dict[str, tuple[str, ...]] = {
    "plain@1": ("commit", "reveal", "available", "vote"),
    "scored@1": ("commit", "reveal", "available", "score.commit", "score.reveal", "vote"),
    "secagg@1": ("sa.keys", "sa.deal", "commit", "reveal", "available", "share", "vote"),
    "secagg_plus@1": ("sa.keys", "sa.deal", "commit", "reveal", "available", "share", "vote"),
    "grouped_secagg@1": (
        "sa.bind", "sa.keys", "sa.deal", "commit", "reveal", "available", "share", "vote",
    ),
    "threshold_he@1": ("sa.keys", "sa.deal", "commit", "reveal", "available", "open", "vote"),
}  # fmt: skip


def is_masked(design: str) -> bool:
    """Return whether updates are masked or encrypted, so that only their sum can be known."""
    return "sa.keys" in DESIGNS[design]


def is_scored(design: str) -> bool:
    """Return whether validators score updates before they vote."""
    return "score.reveal" in DESIGNS[design]


def is_graph(design: str) -> bool:
    """Return whether members mask with their neighbours in a graph that is drawn, not with all."""
    return design.startswith("secagg_plus@")


def is_grouped(design: str) -> bool:
    """Return whether masked updates are summed in groups, each by itself."""
    return "sa.bind" in DESIGNS[design]


def opens_one_key(design: str) -> bool:
    """Return whether updates are encrypted, and the key of their sum is opened."""
    return "open" in DESIGNS[design]


def first_phase(design: str) -> str:
    """Return the phase with which an attempt begins."""
    return DESIGNS[design][0]


def next_phase(design: str, phase: str) -> str | None:
    """Return the phase after this one, or None after the last."""
    phases = DESIGNS[design]
    index = phases.index(phase) + 1
    return phases[index] if index < len(phases) else None


def is_past(design: str, asked: str, current: str) -> bool:
    """Return whether a phase of the design lies before the current one."""
    phases = DESIGNS[design]
    return phases.index(asked) < phases.index(current)
