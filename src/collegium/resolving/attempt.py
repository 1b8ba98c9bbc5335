"""One attempt at one round, as the ledger fixed it: the same from its state and from its log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, lru_cache
from typing import Any, Literal

from collegium.canonical import from_text
from collegium.errors import PluginError
from collegium.learning.aggregation.scores import CombinedScores
from collegium.ledger.contract.encoding import divisor_of
from collegium.ledger.contract.tables import (
    RevealRecord,
    StudyRecord,
)
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.mechanisms.dealing.rules import threshold_of
from collegium.mechanisms.secagg_plus.rules import degree_of
from collegium.secrecy.outcome import agreement_within
from collegium.secrecy.sum_setup import AttemptId, FixedDeals, PublicKeys, ShareHolders


@dataclass(frozen=True)
class Attempt:
    """How an attempt opened, and what has been said in it so far. Mappings are in order of ids.

    Attributes:
        place: ledger, study, round and try.
        terms: the registration as it holds in this round.
        model: digest of the model that the round starts from.
        exponent: e of its encoding.
        ring: 32 or 64, in which hidden vectors are summed.
        room: bits beyond 16 that an update may take.
        participants: registered weights of who takes part.
        validators: their voting powers.
        agreed: digest of what set-up had agreed on, where the round sums its next step.
        keys: what was advertised for hidden vectors.
        deals: digests of deals.
        sound: whose deals each member that committed could use.
        points: commitments to what is hidden.
        reveals: what was revealed.
        included: whose vectors count, and are in no group that was lost.
        groups: who is in which group that goes on.
        shares: what opens sums: shares one after the other, or the digest of one.
        scores: what validators said of the included updates, together, where they are scored.
        said: what else was said in phases of mechanisms, by the tables that these keep it in.
    """

    place: AttemptId
    terms: StudyRecord
    model: bytes
    exponent: int
    ring: Literal[32, 64]
    room: int
    participants: Mapping[str, int]
    validators: Mapping[str, int]
    agreed: bytes | None = None
    keys: Mapping[str, PublicKeys] = field(default_factory=dict)
    deals: Mapping[str, bytes] = field(default_factory=dict)
    sound: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    points: Mapping[str, bytes] = field(default_factory=dict)
    reveals: Mapping[str, RevealRecord] = field(default_factory=dict)
    included: tuple[str, ...] = ()
    groups: Mapping[str, int] = field(default_factory=dict)
    shares: Mapping[str, bytes] = field(default_factory=dict)
    scores: CombinedScores | None = None
    said: Mapping[str, Any] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """The round's number."""
        return self.place.round

    @property
    def divisor(self) -> int:
        """What weights are divided by before updates enter a sum."""
        return divisor_of(self.participants.values(), self.room)

    @property
    def weights(self) -> dict[str, int]:
        """The registered weights of whose vectors count."""
        return {name: self.participants[name] for name in self.included}

    @cached_property
    def agreement(self) -> FixedDeals:
        """What masks depend on once deals are fixed, of all groups together where there are any."""
        circle = ShareHolders(
            self.place, threshold_of(self.terms), self.keys, self.ring, degree_of(self.terms)
        )
        return FixedDeals(
            circle, self.model, self.exponent, self.ring, self.deals, self.room, self.divisor
        )

    def agreement_of(self, member: str) -> FixedDeals:
        """Return a member's own agreement: its group's, where there are groups."""
        if not self.groups:
            return self.agreement
        return agreement_within(self.agreement, self.groups, self.groups.get(member))


def with_fields(attempt: Attempt, given: Mapping[str, Any]) -> Attempt:
    """Return an attempt with the fields that a mechanism fixes; `said` adds to what others have.

    Raises:
        PluginError: an attempt has no such field.
    """
    known = [one.name for one in fields(Attempt)]
    for name in sorted(given.keys() - known):
        raise PluginError(
            "plugin.failed", f"a mechanism fixes {name!r}, which an attempt does not have",
            f"it has {', '.join(known)}",
            "put what is said in phases of its own in `said`; docs/mechanisms.md has an example",
        )  # fmt: skip
    said = {**attempt.said, **given.get("said", {})}
    return replace(attempt, **{**given, "said": said})


def blob_of(reveal: RevealRecord) -> bytes:
    """Return the digest of the blob that a revealed update is published as."""
    return _raw(reveal.sealed if isinstance(reveal.sealed, str) else reveal.digest)


def update_of(reveal: RevealRecord) -> bytes:
    """Return the digest of a revealed update itself."""
    return _raw(reveal.digest)


@lru_cache(maxsize=4096)  # all validators ask for the same ones
def _raw(name: str) -> bytes:
    return from_text(name, DIGEST_SIZE)
