"""What an adversary wants, knows and can do: said of every attack, and printed with its results.

An evaluation means little without it: an attack that knows nothing of the defence shows nothing
about one that does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Knowledge = Literal["own", "published", "rule", "honest", "others", "guessed"]
Capability = Literal["rows", "updates", "messages", "blobs", "shares", "commitments"]
Adaptivity = Literal["oblivious", "defence-aware", "history-aware"]

KNOWS: dict[Knowledge, str] = {
    "own": "its own rows and updates, and those of its accomplices",
    "published": "every model on the ledger",
    "others": "updates of others that earlier rounds revealed",
    "rule": "the rule with everything before it, and how many bad updates it is set to tolerate",
    "honest": "every honest update of the round before it sends its own (omniscient)",
    "guessed": "where validators score updates: what its own would say, a guess from its own rows"
    " of what the others will, and everybody's reputation",
}
"""What each kind of knowledge is, in words."""

CAN: dict[Capability, str] = {
    "rows": "change the rows it trains on",
    "updates": "send any update within the encoding's range",
    "messages": "say or leave unsaid whatever a member may sign",
    "blobs": "serve different bytes to different members",
    "commitments": "commit to another vector than it masks",
    "shares": "deal and post whatever shares of secrets it likes, or none",
}
"""What each capability is, in words."""

ADAPTS: dict[Adaptivity, str] = {
    "oblivious": "does not look at the defence",
    "defence-aware": "chooses what is worst for this very defence",
    "history-aware": "uses what earlier rounds have shown",
}
"""What each kind of adaptivity is, in words."""


@dataclass(frozen=True, slots=True)
class ThreatModel:
    """What an attack is granted.

    Attributes:
        goal: what it wants, in a few words.
        knowledge: what it may look at.
        capability: what it may do.
        adaptivity: whether it adapts to the defence.
        together: whether attackers share what they know and act as one.
    """

    goal: str
    knowledge: tuple[Knowledge, ...]
    capability: tuple[Capability, ...]
    adaptivity: Adaptivity = "oblivious"
    together: bool = False

    def words(self) -> tuple[tuple[str, str], ...]:
        """Return what is granted, as pairs of a heading and a sentence."""
        return (
            ("Goal", self.goal),
            ("Knows", "; ".join(KNOWS[one] for one in self.knowledge)),
            ("Can", "; ".join(CAN[one] for one in self.capability)),
            ("Adapts", f"{self.adaptivity}: {ADAPTS[self.adaptivity]}"),
            ("Together", "attackers act as one" if self.together else "each acts alone"),
        )
