"""Attacks by validators on scores: badmouthing, and ballot stuffing by sites that validate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from collegium.federation.participant import Participant
from collegium.mechanisms.scores.lying import ScoreLie
from collegium.threats.attack import AdversaryContext, Attack, Lie
from collegium.threats.flipping import SIGN_FLIP
from collegium.threats.poisoning import Poisoning
from collegium.threats.searching import TAILORED
from collegium.threats.threat_model import ThreatModel


def _slander(site: str, friends: frozenset[str], honest: int, best: int) -> int:
    """Give everybody else the worst score that there is."""
    return honest if site in friends else -best


def _praise(site: str, friends: frozenset[str], honest: int, best: int) -> int:
    """Give each other the best score that there is, and the truth of everybody else."""
    return best if site in friends else honest


def _collude(site: str, friends: frozenset[str], honest: int, best: int) -> int:
    """Give each other the best score that there is, and everybody else the worst one."""
    return best if site in friends else -best


@dataclass(frozen=True, slots=True)
class ScoreAttack:
    """An attack that consists in lying about updates."""

    name: str
    about: str
    grant: ThreatModel
    lie: Lie
    role: Literal["site", "validator"] = "validator"

    def take_over(self, honest: Participant, place: AdversaryContext) -> Participant:
        """Return the validator with a liar for its scorer."""
        return self.lie.take_over(honest, place)


BADMOUTHING: Attack = ScoreAttack(
    "badmouthing_validator",
    "gives every update but its accomplices' the worst score",
    ThreatModel(
        "others without a say, or without a reputation",
        ("own", "published"),
        ("messages",),
        together=True,
    ),
    ScoreLie(_slander),
)
BALLOT_STUFFING: Poisoning = replace(
    SIGN_FLIP,
    name="ballot_stuffing",
    about="sends its own update times -10, and as a validator praises its accomplices' updates",
    grant=ThreatModel(
        "a worse model", ("own", "published"), ("updates", "messages"), together=True
    ),
    lie=ScoreLie(_praise),
)
TAILORED_BALLOT_STUFFING: Poisoning = replace(
    TAILORED, name="tailored_ballot_stuffing",
    about="as tailored; as validators its attackers praise each other and badmouth all others",
    grant=replace(TAILORED.grant, capability=("updates", "messages")), lie=ScoreLie(_collude),
)  # fmt: skip
