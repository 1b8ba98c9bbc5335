"""One attempt at one round, as the replayed entries tell it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from collegium.canonical import from_text
from collegium.ledger.contract.bitmaps import attested
from collegium.ledger.contract.events import AttemptFailed, RoundClosed, RoundOpened
from collegium.ledger.contract.members import is_quorum
from collegium.ledger.contract.results import Result
from collegium.ledger.contract.tables import RevealRecord
from collegium.ledger.contract.transactions import UpdateAvailable
from collegium.mechanisms.dealing.terms import DealerBarred
from collegium.mechanisms.sums.terms import SumClosed
from collegium.secrecy.sum_setup import PublicKeys

T = TypeVar("T")

Author = tuple[int, int, str]
"""Round, attempt and author of an update."""


@dataclass(slots=True)
class AttemptRecord:
    """One attempt at one round: how it opened, who said what, how it ended.

    `modules` are the mechanisms of its round. `sound` is whose deals each member that committed
    could use, where updates are masked; `points` are the commitments to what they masked. `summed`
    closes an attempt at a sum of statistics. `gathered` is what mechanisms gather beside that, by
    types of their own: ask for it by `of`.
    """

    opened: RoundOpened
    modules: tuple[str, ...]
    keys: dict[str, PublicKeys] = field(default_factory=dict)
    deals: dict[str, bytes] = field(default_factory=dict)
    commits: set[str] = field(default_factory=set)
    sound: dict[str, tuple[str, ...]] = field(default_factory=dict)
    points: dict[str, bytes] = field(default_factory=dict)
    shares: dict[str, bytes] = field(default_factory=dict)
    barred: list[DealerBarred] = field(default_factory=list)
    reveals: dict[str, RevealRecord] = field(default_factory=dict)
    bitmaps: dict[str, UpdateAvailable] = field(default_factory=dict)
    votes: dict[str, Result] = field(default_factory=dict)
    phases: dict[str, bool] = field(default_factory=dict)
    included: tuple[str, ...] = ()
    closed: RoundClosed | None = None
    summed: SumClosed | None = None
    failed: AttemptFailed | None = None
    gathered: dict[type, Any] = field(default_factory=dict)

    def of(self, kind: type[T]) -> T:
        """Return what a mechanism gathers of the attempt, as its own type; empty at first."""
        return cast("T", self.gathered.setdefault(kind, kind()))

    @property
    def voted(self) -> Result | None:
        """What most of the power voted for; it has a quorum where the attempt has closed."""
        powers = dict(zip(self.opened.validators, self.opened.powers, strict=True))
        behind: dict[Result, int] = {}
        for name, vote in self.votes.items():
            behind[vote] = behind.get(vote, 0) + powers[name]
        return max(behind, key=behind.__getitem__, default=None)

    @property
    def attested(self) -> set[str]:
        """Who would be included by the bitmaps on record: attested by a quorum of the power."""
        names, powers = self.opened.participants, self.opened.powers
        power = dict.fromkeys(names, 0)
        for validator, weight in zip(self.opened.validators, powers, strict=True):
            if validator in self.bitmaps:
                bitmap = from_text(self.bitmaps[validator].bitmap, (len(names) + 7) // 8)
                for name in attested(bitmap, names):
                    power[name] += weight
        return {name for name in names if is_quorum(power[name], sum(powers))}

    def vouching(self, author: str) -> list[str]:
        """Return the validators, in order, that attested to somebody's update."""
        names = self.opened.participants
        size = (len(names) + 7) // 8
        return [
            validator
            for validator, said in sorted(self.bitmaps.items())
            if author in attested(from_text(said.bitmap, size), names)
        ]
