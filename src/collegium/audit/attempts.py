"""One attempt at one round, as the replayed entries tell it."""

from __future__ import annotations

from dataclasses import dataclass, field

from collegium.canonical import from_text
from collegium.ledger.contract.bitmaps import attested
from collegium.ledger.contract.declared import part_of
from collegium.ledger.contract.events import AttemptFailed, RoundClosed, RoundOpened
from collegium.ledger.contract.members import is_quorum
from collegium.ledger.contract.preconditions import terms_in
from collegium.ledger.contract.results import Result
from collegium.ledger.contract.tables import RevealRecord, StudyRecord
from collegium.ledger.contract.transactions import UpdateAvailable
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.mechanisms.dealing.terms import DealerBarred
from collegium.mechanisms.scores.score_medians import ScoreRecord
from collegium.mechanisms.scores.terms import Reputations, ScoreReveal, ScoresCombined
from collegium.mechanisms.sums.terms import SumClosed
from collegium.resolving.attempt import Attempt
from collegium.secrecy.sum_setup import AttemptId, PublicKeys

Author = tuple[int, int, str]
"""Round, attempt and author of an update."""


@dataclass(slots=True)
class AttemptRecord:
    """One attempt at one round: how it opened, who said what, how it ended.

    `modules` are the mechanisms of its round. `silenced` are those whose scores do not count.
    `sound` is whose deals each member that committed could use, where updates are masked; `points`
    are the commitments to what they masked. `groups` is who was put where, `lost` in which phase a
    group was left out, `refused` which ones the voted model was made without. `summed` closes an
    attempt at a sum of statistics.
    """

    opened: RoundOpened
    modules: tuple[str, ...]
    bound: set[str] = field(default_factory=set)
    keys: dict[str, PublicKeys] = field(default_factory=dict)
    deals: dict[str, bytes] = field(default_factory=dict)
    commits: set[str] = field(default_factory=set)
    sound: dict[str, tuple[str, ...]] = field(default_factory=dict)
    points: dict[str, bytes] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    lost: dict[int, str] = field(default_factory=dict)
    refused: tuple[int, ...] = ()
    shares: dict[str, bytes] = field(default_factory=dict)
    barred: list[DealerBarred] = field(default_factory=list)
    reveals: dict[str, RevealRecord] = field(default_factory=dict)
    bitmaps: dict[str, UpdateAvailable] = field(default_factory=dict)
    votes: dict[str, Result] = field(default_factory=dict)
    phases: dict[str, bool] = field(default_factory=dict)
    silenced: frozenset[str] = frozenset()
    score_commits: set[str] = field(default_factory=set)
    scores: dict[str, ScoreReveal] = field(default_factory=dict)
    combined: ScoresCombined | None = None
    included: tuple[str, ...] = ()
    closed: RoundClosed | None = None
    summed: SumClosed | None = None
    failed: AttemptFailed | None = None

    def frozen(self, genesis: bytes, terms: StudyRecord, agreed: str | None = None) -> Attempt:
        """Return the attempt as resolving asks for it, and as the contract's state would have it.

        Args:
            genesis: the ledger's digest.
            terms: what was registered.
            agreed: what set-up had agreed on, where its next step is summed.
        """
        opened, combined = self.opened, self.combined
        known = part_of(opened.parts, Reputations)
        return Attempt(
            AttemptId(genesis, opened.study, opened.round, opened.attempt),
            terms_in(terms, opened.round),
            from_text(opened.model, DIGEST_SIZE),
            opened.exponent,
            opened.ring,
            dict(zip(opened.participants, opened.weights, strict=True)),
            dict(zip(opened.validators, opened.powers, strict=True)),
            dict(zip(opened.participants, known.values if known else (), strict=False)),
            None if agreed is None else from_text(agreed, DIGEST_SIZE),
            dict(sorted(self.keys.items())),
            dict(sorted(self.deals.items())),
            dict(sorted(self.sound.items())),
            dict(sorted(self.points.items())),
            dict(sorted(self.reveals.items())),
            self.survivors,
            self.going_on,
            dict(sorted(self.shares.items())),
            None if combined is None else ScoreRecord(norm=combined.norm, scores=combined.scores),
        )

    @property
    def survivors(self) -> tuple[str, ...]:
        """Whose updates are in a sum that is opened: the included ones of groups that went on."""
        return tuple(name for name in self.included if self.groups.get(name) not in self.lost)

    @property
    def going_on(self) -> dict[str, int]:
        """Who is in which group that went on."""
        return {name: one for name, one in self.groups.items() if one not in self.lost}

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
