"""Attacks with updates: sites that train on other rows, or send what no training made.

Whatever is made here goes the way of every update: it is protected, committed to, revealed and
checked like an honest one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from collegium.data.table import SiteRows
from collegium.federation.local_trainers import LocalTrainers
from collegium.federation.local_updates import (
    Assignment,
    HonestUpdateAuthor,
    UpdateAuthor,
    encoding_of,
)
from collegium.federation.outbox import MemberOutbox, WriteOnce
from collegium.federation.participant import Participant
from collegium.federation.site import Site
from collegium.learning.encoding import Units
from collegium.learning.models import ModelSpec
from collegium.learning.trainer import Trainer
from collegium.plugins import aspects
from collegium.study.document import Study
from collegium.threats.adversary_view import AdversaryView, Defence, Expectation
from collegium.threats.attack import AdversaryContext, Lie
from collegium.threats.threat_model import ThreatModel

Craft = Callable[[AdversaryView], Units]
"""Returns what the attackers of a round send, int16 [a, d]."""

Pattern = Any
"""What attackers plant in rows, such as `backdoor.Trigger`; None where they plant nothing."""

Poison = Callable[[SiteRows, ModelSpec, Pattern], SiteRows]
"""Returns the rows that an attacker trains on instead of its own."""


@dataclass(frozen=True, slots=True)
class Target:
    """The study as its attackers find it.

    Attributes:
        study: the document.
        spec: its model.
        trainer: its trainer.
        defence: its rule.
        rows: every site's training rows; only attackers' are looked at.
        attackers: who attacks.
        validators: who scores updates, where anybody does.
    """

    study: Study
    spec: ModelSpec
    trainer: Trainer
    defence: Defence
    rows: Mapping[str, SiteRows]
    attackers: tuple[str, ...]
    validators: tuple[str, ...] = ()


Expects = Callable[[Assignment], Expectation]
"""Returns what attackers expect of a round. A mechanism that gives the rule more than updates says
in a file `expected` what that is: `EXPECTS` returns this, or None, from target and `Lie`."""


class PoisoningCoalition:
    """Those who attack together in one process, and how they learn what they are granted to know.

    Every site joins, so that an attack may be granted to know what the honest ones send.
    """

    def __init__(self, target: Target, attack: Poisoning) -> None:
        self._target = target
        self._attack = attack
        self._honest: dict[str, UpdateAuthor] = {}
        self._own: dict[str, UpdateAuthor] = {}
        self._crafted: tuple[tuple[int, bytes], dict[str, Units]] = ((0, b""), {})
        self._cohort: LocalTrainers | None = None
        self._expects: Expects | None = None
        if "rule" in attack.grant.knowledge:
            asked = (one.EXPECTS(target, attack.lie) for one in aspects("expected").values())
            self._expects = next((found for found in asked if found is not None), None)
        if attack.poison is not None:
            pattern = pattern_of(attack, target.rows, target.attackers, target.spec)
            rows = {
                name: attack.poison(target.rows[name], target.spec, pattern)
                for name in target.attackers
            }
            self._cohort = LocalTrainers(
                _without_noise(target.study), target.spec, target.trainer, rows
            )

    def join(self, member: str, honest: UpdateAuthor, outbox: WriteOnce, genesis: bytes) -> None:
        """Take note of a site: who makes its updates where it does not attack, and its outbox."""
        self._honest[member] = self._own[member] = honest
        if self._cohort is not None and member in self._target.attackers:
            # What training on other rows carries on is kept apart from the site's own.
            aside = MemberOutbox(outbox, "poisoned")
            self._own[member] = HonestUpdateAuthor(member, self._cohort, aside, genesis)

    def attacker(self, member: str) -> UpdateAuthor:
        """Return who makes an attacker's updates."""
        return _Attacker(member, self)

    def update(self, member: str, work: Assignment) -> Units:
        """Return what an attacker sends in a round, int16 [d]."""
        threat = self._target.study.threat
        if threat is not None and threat.rounds and work.round not in threat.rounds:
            return self._honest[member].update(work)
        key = (work.round, work.model)
        if self._crafted[0] != key:
            observation = self.observation(work)
            sent = self._attack.craft(observation)
            names = [work.participants[index] for index in observation.attackers]
            self._crafted = key, dict(zip(names, sent, strict=True))
        return self._crafted[1][member]

    def observation(self, work: Assignment) -> AdversaryView:
        """Return a round as the attackers see it."""
        threat, attack = self._target.study.threat, self._attack
        scale = threat.scale if threat is not None else None
        return AdversaryView(
            work, self._target.attackers, lambda name: self._own[name].update(work),
            lambda name: self._honest[name].update(work), self._target.defence,
            self._target.study.study.seed, attack.scale or 0.0 if scale is None else scale,
            attack.grant.knowledge, None if self._expects is None else self._expects(work),
            encoding_of(self._target.study).exact,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Attacker:
    """The author of an attacker's updates."""

    member: str
    circle: PoisoningCoalition

    def update(self, work: Assignment) -> Units:
        return self.circle.update(self.member, work)


def _without_noise(study: Study) -> Study:
    """Return a study without differential privacy: an attacker protects nobody."""
    privacy = msgspec.structs.replace(study.privacy, differential_privacy=None)
    return msgspec.structs.replace(study, privacy=privacy)


def pattern_of(
    attack: Poisoning, rows: Mapping[str, SiteRows], attackers: Iterable[str], spec: ModelSpec
) -> Pattern:
    """Return what an attack's attackers plant in rows, None if nothing."""
    if attack.pattern is None:
        return None
    return attack.pattern((rows[name] for name in attackers), spec)


def as_trained(observation: AdversaryView) -> Units:
    """Send what training gave: the attack lies in the rows."""
    return observation.own


@dataclass(frozen=True, slots=True)
class Poisoning:
    """An attack with updates.

    Attributes:
        name: what a study's ``threat.attack`` says.
        about: one line on what it does.
        grant: what it is granted.
        craft: makes what is sent.
        poison: makes what is trained on; its own rows if None.
        pattern: chooses what is planted, from all attackers' rows and the model.
        scale: what ``threat.scale`` is if the study says nothing; None where it means nothing.
        scale_means: what it means, in a few words.
        chooses: what it is for n participants with f attackers, where the study says nothing and
            `scale` is 0.
        lie: how attackers that validate lie in their scores; None: they tell the truth.
    """

    name: str
    about: str
    grant: ThreatModel
    craft: Craft = as_trained
    poison: Poison | None = None
    pattern: Callable[[Iterable[SiteRows], ModelSpec], Pattern] | None = None
    scale: float | None = None
    scale_means: str = ""
    chooses: Callable[[int, int], float] | None = None
    lie: Lie | None = None
    role: Literal["site", "validator"] = "site"

    def take_over(self, honest: Participant, place: AdversaryContext) -> Participant:
        """Return the site with an attacker for its author; a run's attackers are one circle."""
        if not isinstance(honest, Site) or place.circle is None:
            raise TypeError(honest)
        honest.author = place.circle.attacker(place.identity.member)
        return honest
