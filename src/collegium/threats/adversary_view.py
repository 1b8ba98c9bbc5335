"""A round as colluding attackers see it, before they send anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from collegium.federation.local_updates import Assignment
from collegium.learning.aggregation.rule import Rule
from collegium.learning.aggregation.scores import Scores
from collegium.learning.aggregation.updates import Updates
from collegium.learning.blobs import LIMIT, Shifted, digest, encode_update, shifted
from collegium.learning.encoding import Units, in_range
from collegium.threats.threat_model import Knowledge

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Defence:
    """What stands between updates and the model: the study's rule, as every validator runs it."""

    rule: Rule
    tolerate: int


class Expectation(Protocol):
    """What attackers expect of a round of which the rule is given more than updates."""

    @property
    def favored(self) -> Vector | None:
        """The direction that is expected to be liked best, float64 [d], if there is one."""
        ...

    def scores(self, updates: Mapping[str, Units]) -> Scores | None:
        """Return what the rule is expected to be given with updates, in order."""
        ...

    def loss(self, vector: NDArray[np.float32]) -> float:
        """Return the mean loss of a study's vector [D] on all rows that the attackers have."""
        ...


class AdversaryView:
    """One round, its attackers, and what they may look at: what they are not granted raises.

    Vectors are in units of the encoding, 2**-exponent.

    Attributes:
        round: its number.
        exponent: e of its encoding.
        participants: in order.
        attackers: positions of those who attack, in order.
        seed: the study's.
        scale: how hard to hit, in the attack's own measure.

    Args:
        work: the round.
        attackers: those of the study; some may have no part in the round.
        own: returns what an attacker would send if it did not attack.
        honest: returns what an honest site sends.
        defence: see `Defence`.
        seed: see above.
        scale: see above.
        knowledge: what the attack is granted.
        expected: what the attackers make of what the defence is given beside updates, if it is.
        exact: how many coordinates at an update's end are whole numbers.
    """

    def __init__(
        self, work: Assignment, attackers: tuple[str, ...],
        own: Callable[[str], Units], honest: Callable[[str], Units], defence: Defence,
        seed: int, scale: float, knowledge: tuple[Knowledge, ...],
        expected: Expectation | None = None, exact: int = 0,
    ) -> None:  # fmt: skip
        self.round = work.round
        self.exponent = work.exponent
        self.participants = work.participants
        self.seed = seed
        self.scale = scale
        self.attackers = tuple(
            index for index, name in enumerate(work.participants) if name in attackers
        )
        self._work = work
        self._colluding = attackers
        self._own, self._honest = own, honest
        self._defence = defence
        self._knowledge = knowledge
        self._expected, self._exact = expected, exact

    @property
    def start(self) -> NDArray[np.float32]:
        """float32 [d], the parameters that the round starts from."""
        return self._work.start

    @property
    def tolerated(self) -> int:
        """f, how many bad updates the rule is set to bear."""
        self._require("rule")
        return self._defence.tolerate

    @property
    def scored(self) -> bool:
        """Whether the rule is given validators' scores, which attackers then have to guess."""
        return self._guessed is not None

    @property
    def favored(self) -> Vector:
        """The direction that those who score are expected to like best, or the honest mean."""
        found = None if self._guessed is None else self._guessed.favored
        return self.mean if found is None else found

    @property
    def _guessed(self) -> Expectation | None:
        if self._expected is not None:
            self._require("guessed")
        return self._expected

    @property
    def rule(self) -> str:
        """The rule's name, without versions."""
        self._require("rule")
        return self._defence.rule.name.partition("@")[0]

    @cached_property
    def own(self) -> Units:
        """What the attackers would send if they did not attack, integers [a, d]."""
        return np.stack([self._own(self.participants[index]) for index in self.attackers])

    @cached_property
    def unpoisoned(self) -> Units:
        """What the attackers would send if they trained on their own rows as they are, [a, d]."""
        return np.stack([self._honest(self.participants[index]) for index in self.attackers])

    @property
    def weights(self) -> tuple[int, ...]:
        """Everybody's aggregation weight, which the ledger tells."""
        self._require("published")
        return self._work.weights

    @cached_property
    def revealed(self) -> Units:
        """What others sent in the round before, the heaviest site's first; integers [k, d]."""
        self._require("others")
        names = dict(zip(self.participants, self._work.weights, strict=True))
        found = [
            (-names.get(name, 0), name, values)
            for name, values in self._work.revealed().items()
            if name not in self._colluding
        ]
        ordered = [values for _, _, values in sorted(found, key=lambda one: one[:2])]
        return np.stack(ordered) if ordered else np.empty((0, self.start.size), np.int32)

    @cached_property
    def honest(self) -> Units:
        """What the honest participants send, integers [h, d]; there may be none of them."""
        self._require("honest")
        return self._of_honest

    @cached_property
    def _of_honest(self) -> Units:
        names = [
            name for index, name in enumerate(self.participants) if index not in self.attackers
        ]
        if not names:
            return np.empty((0, self.start.size), np.int32)
        return np.stack([self._honest(name) for name in names])

    @cached_property
    def mean(self) -> Vector:
        """The honest participants' mean; of the attackers' own updates where nobody is honest."""
        rows = self.honest if len(self.honest) else self.own
        found: Vector = rows.astype(np.float64).mean(axis=0)
        return found

    @cached_property
    def deviation(self) -> Vector:
        """The standard deviation of the honest updates in each coordinate."""
        rows = self.honest if len(self.honest) else self.own
        found: Vector = rows.astype(np.float64).std(axis=0)
        return found

    @cached_property
    def last_move(self) -> Vector | None:
        """How the model moved in the round before, or None in the first one."""
        self._require("published")
        earlier = self._work.earlier()
        if earlier is None:
            return None
        move: Vector = self.start.astype(np.float64) - earlier
        return move * 2.0**self.exponent

    @property
    def largest(self) -> int:
        """The largest magnitude of a coordinate that the round has room for."""
        return LIMIT << self._work.room

    def within(self, vector: Vector) -> Units:
        """Return a vector as an update can tell it: what is beyond the round's room is cut off."""
        rows = np.array(vector, np.float64).reshape(-1, self.start.size)
        told = [in_range(row, self._work.room, self._exact) for row in rows]
        return np.stack(told).reshape(vector.shape)

    def alike(self, vector: Vector) -> Units:
        """Return one vector for all attackers, [a, d]."""
        return np.tile(self.within(vector), (len(self.attackers), 1))

    def aggregate(self, sent: Units) -> Vector:
        """Return the step that the defence would make of the honest updates and these, float64 [d].

        Args:
            sent: what the attackers send, integers [a, d].
        """
        self._require("rule")
        told, digests = list(self._told), list(self._digests)
        for index, values in zip(self.attackers, sent, strict=True):
            told[index] = shifted(values)
            digests[index] = digest(encode_update(values, self.exponent))
        scores = None
        if self._guessed is not None:
            values = (one.units for one in told)
            scores = self._guessed.scores(dict(zip(self.participants, values, strict=True)))
        updates = Updates(
            np.stack([one.before(0) for one in told]), self._work.weights, self.exponent,
            self.participants, tuple(digests), scores, tuple(one.shift for one in told),
        )  # fmt: skip
        made = self._defence.rule.aggregate(updates, self._defence.tolerate)
        step: Vector = made.total.astype(np.float64) / made.denominator
        return step

    def displacement(self, sent: Units) -> float:
        """Return how far the defence's step would lie from the honest mean."""
        return float(np.linalg.norm(self.aggregate(sent) - self.mean))

    def harm(self, sent: Units) -> float:
        """Return how bad the step is that the defence would make, for what attackers can tell.

        That is its distance from the honest mean. Where the defence is given scores, what goes far
        need not do harm, and attackers can tell: it is the loss on their own rows after the step.
        """
        if self._guessed is None:
            return self.displacement(sent)
        step = np.ldexp(self.aggregate(sent), -self.exponent)
        return self._guessed.loss(np.asarray(self.start + step, np.float32))

    @cached_property
    def _told(self) -> list[Shifted]:
        """What each honest update's blob says, by position; nothing at an attacker's."""
        found = [shifted(self.own[0])] * len(self.participants)
        rows = iter(self.honest)
        for index in range(len(found)):
            if index not in self.attackers:
                found[index] = shifted(next(rows))
        return found

    @cached_property
    def _digests(self) -> list[bytes]:
        """Each honest update's digest, by position; ties in a rule fall by them."""
        found = [b""] * len(self.participants)
        rows = iter(self.honest)
        for index in range(len(found)):
            if index not in self.attackers:
                found[index] = digest(encode_update(next(rows), self.exponent))
        return found

    def _require(self, knowledge: Knowledge) -> None:
        if knowledge not in self._knowledge:
            raise LookupError(f"the attack is not granted to know {knowledge!r}")
