"""One attempt at one round, as the ledger fixed it: the same from its state and from its log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal

from collegium.canonical import from_text
from collegium.ledger.contract.bitmaps import attested
from collegium.ledger.contract.preconditions import terms_in
from collegium.ledger.contract.ring import ring_in
from collegium.ledger.contract.series import step_of
from collegium.ledger.contract.tables import (
    THE_ONE,
    ModelRecord,
    RevealRecord,
    RoundRecord,
    StudyRecord,
    StudyStatus,
    attempt_items,
    attempt_key,
    attempt_names,
    powers,
    round_path,
    study_path,
)
from collegium.ledger.genesis import ledger_of
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.keys import KEY_SIZE
from collegium.ledger.state import State
from collegium.mechanisms.dealing.rules import threshold_of
from collegium.mechanisms.scores.score_medians import ScoreRecord
from collegium.mechanisms.secagg_plus.rules import degree_of
from collegium.mechanisms.statistics.rules import StatisticsRecord
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
        participants: registered weights of who takes part.
        validators: their voting powers.
        reputations: of the participants as the round opened, where updates are scored.
        agreed: digest of what set-up had agreed on, where the round sums its next step.
        keys: what was advertised for hidden vectors.
        deals: digests of deals.
        sound: whose deals each member that committed could use.
        points: commitments to what is hidden.
        reveals: what was revealed.
        included: whose vectors count, and are in no group that was lost.
        groups: who is in which group that goes on.
        shares: what opens sums: shares one after the other, or the digest of one.
        combined: the validators' scores of the included updates, together.
    """

    place: AttemptId
    terms: StudyRecord
    model: bytes
    exponent: int
    ring: Literal[32, 64]
    participants: Mapping[str, int]
    validators: Mapping[str, int]
    reputations: Mapping[str, int] = field(default_factory=dict)
    agreed: bytes | None = None
    keys: Mapping[str, PublicKeys] = field(default_factory=dict)
    deals: Mapping[str, bytes] = field(default_factory=dict)
    sound: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    points: Mapping[str, bytes] = field(default_factory=dict)
    reveals: Mapping[str, RevealRecord] = field(default_factory=dict)
    included: tuple[str, ...] = ()
    groups: Mapping[str, int] = field(default_factory=dict)
    shares: Mapping[str, bytes] = field(default_factory=dict)
    combined: ScoreRecord | None = None

    @property
    def number(self) -> int:
        """The round's number."""
        return self.place.round

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
        return FixedDeals(circle, self.model, self.exponent, self.ring, self.deals)

    def agreement_of(self, member: str) -> FixedDeals:
        """Return a member's own agreement: its group's, where there are groups."""
        if not self.groups:
            return self.agreement
        return agreement_within(self.agreement, self.groups, self.groups.get(member))


def blob_of(reveal: RevealRecord) -> bytes:
    """Return the digest of the blob that a revealed update is published as."""
    return _raw(reveal.sealed if isinstance(reveal.sealed, str) else reveal.digest)


def update_of(reveal: RevealRecord) -> bytes:
    """Return the digest of a revealed update itself."""
    return _raw(reveal.digest)


@lru_cache(maxsize=4096)  # all validators ask for the same ones
def _raw(name: str) -> bytes:
    return from_text(name, DIGEST_SIZE)


def attempt_in(
    state: State, study: str, number: int, earlier: tuple[int, Mapping[str, int]] | None = None
) -> Attempt | None:
    """Return the present or last attempt at a round, as the contract's state has it.

    Args:
        state: the contract's.
        study: its id.
        number: of the open round, or of the last closed one.
        earlier: another attempt at the open round instead, with its participants' weights, of whom
            state tells only those who still take part.

    Returns:
        the attempt; None where there is no such round, or none that state still tells of.
    """
    terms = state.record(study_path(study, "study"), THE_ONE, StudyRecord)
    status = state.record(study_path(study, "status"), THE_ONE, StudyStatus)
    current = state.record(round_path(study, number, "round"), THE_ONE, RoundRecord)
    if terms is None or status is None or current is None:
        return None
    at = current.attempt if earlier is None else earlier[0]
    held = terms_in(terms, number)

    def said(table: str) -> dict[str, bytes]:
        return dict(attempt_items(state, round_path(study, number, table), at))

    def revealed(name: str) -> RevealRecord | None:
        return state.record(
            round_path(study, number, "reveals"), attempt_key(at, name), RevealRecord
        )

    participants = powers(state, round_path(study, number, "participants"))
    if earlier is not None:
        participants = dict(earlier[1])
    names = tuple(participants)
    reveals = {name: one for name in names if (one := revealed(name)) is not None}
    return Attempt(
        AttemptId(ledger_of(terms.genesis), study, number, at),
        held,
        _start(state, study, status, closed=current.phase == "closed"),
        current.exponent,
        ring_in(state, held.design, number, participants.values()),
        participants,
        powers(state, round_path(study, number, "validators")),
        powers(state, round_path(study, number, "reputations")),
        _agreed(state, study, number),
        {
            name: PublicKeys(pair[:KEY_SIZE], pair[KEY_SIZE:])
            for name, pair in said("sa_keys").items()
        },
        said("sa_deals"),
        {name: attested(bitmap, names) for name, bitmap in said("sound").items()},
        said("points"),
        reveals,
        attempt_names(state, round_path(study, number, "included"), at),
        {name: int(one) for name, one in said("groups").items()},
        said("shares"),
        state.record(round_path(study, number, "combined"), attempt_key(at), ScoreRecord),
    )


def _start(state: State, study: str, status: StudyStatus, *, closed: bool) -> bytes:
    """Return which model the open round starts from, or the last closed one did."""
    name = status.model
    if closed:
        latest = status.latest if isinstance(status.latest, str) else status.model
        record = state.record(study_path(study, "models"), latest, ModelRecord)
        name = record.parent if record is not None and isinstance(record.parent, str) else ""
    return from_text(name, DIGEST_SIZE) if name else b""


def _agreed(state: State, study: str, number: int) -> bytes | None:
    """Return what set-up has agreed on before a sum of its next step."""
    if step_of(number) is None:
        return None
    record = state.record(study_path(study, "statistics"), THE_ONE, StatisticsRecord)
    name = None if record is None else record.agreement
    return from_text(name, DIGEST_SIZE) if isinstance(name, str) else None
