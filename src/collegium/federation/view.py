"""What the ledger says about one study at one moment, as participants ask it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TypeVar

import msgspec

from collegium.canonical import from_text
from collegium.federation.retirement_view import RetirementView
from collegium.ledger.contract.bitmaps import attested
from collegium.ledger.contract.declared import before_rounds, phase_of
from collegium.ledger.contract.members import active_members, contract_version, validator_powers
from collegium.ledger.contract.preconditions import OPEN, open_round_of, study_of, terms_in
from collegium.ledger.contract.series import is_sum, step_of
from collegium.ledger.contract.silence import SITES, Silence, awaited, silences
from collegium.ledger.contract.tables import (
    MEMBERS,
    THE_ONE,
    Acceptance,
    EvaluationRecord,
    MemberRecord,
    ModelRecord,
    RevealRecord,
    RoundRecord,
    StudyRecord,
    StudyStatus,
    attempt_items,
    attempt_key,
    powers,
    round_path,
    study_path,
)
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.keys import KEY_SIZE
from collegium.ledger.state import State
from collegium.mechanisms.privacy.clip import Clip, in_round
from collegium.mechanisms.privacy.rules import Budget
from collegium.mechanisms.search.view import TrialView
from collegium.mechanisms.statistics.view import SetUpView
from collegium.resolving.attempt import Attempt
from collegium.resolving.reading import attempt_in

R = TypeVar("R", bound=msgspec.Struct)


class StudyView:
    """A moment's reading of a study; make a new one after every block.

    `conflicts` are equivocations that came to light and are not on record yet.
    """

    def __init__(
        self, state: State, study: str, conflicts: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        self._state = state
        self.study = study
        self.conflicts = conflicts

    @property
    def contract(self) -> int:
        """The version of the contract's rules."""
        return contract_version(self._state)

    @property
    def room(self) -> int:
        """Bits beyond 16 that an update of the open attempt may take."""
        return 0 if self.round is None else self.round.room or 0

    @cached_property
    def registration(self) -> StudyRecord | None:
        """What was registered, or None."""
        return self._state.record(study_path(self.study, "study"), THE_ONE, StudyRecord)

    @cached_property
    def status(self) -> StudyStatus | None:
        """Where the study stands, or None before it is registered."""
        return self._state.record(study_path(self.study, "status"), THE_ONE, StudyStatus)

    @cached_property
    def phase(self) -> str:
        """The study's phase outside of rounds, the attempt's phase within, or "absent"."""
        if self.status is None:
            return "absent"
        if self.status.phase == "statistics":
            return f"statistics.{self.set_up.phase}"
        return self.round.phase if self.round is not None else self.status.phase

    @cached_property
    def set_up(self) -> SetUpView:
        """What the ledger says of the set-up of a study of tables."""
        return SetUpView(self._state, self.study)

    @cached_property
    def round(self) -> RoundRecord | None:
        """The open round's record, or None."""
        if self.status is None or self.status.phase not in OPEN:
            return None
        return self._state.record(self._path("round"), THE_ONE, RoundRecord)

    @cached_property
    def clip(self) -> Clip:
        """K of the open round's clip, where it follows the updates."""
        return in_round(self._state, self.study, self.number)

    @cached_property
    def is_summing(self) -> bool:
        """Whether statistics are summed, in the place of updates."""
        return self.round is not None and is_sum(self.number)

    @cached_property
    def is_training(self) -> bool:
        """Whether a round is open that goes on from a model: no sum of a table's set-up."""
        return self.round is not None and step_of(self.number) is None

    @cached_property
    def number(self) -> int:
        """The open round's number, or the last one's."""
        return 0 if self.status is None else self.status.round

    @cached_property
    def attempt(self) -> int:
        """The open attempt, or 0."""
        if self.phase.startswith("statistics."):
            return self.set_up.attempt
        return 0 if self.round is None else self.round.attempt

    @property
    def closed_rounds(self) -> int:
        """The last closed round's number: in a study of one trial, how many are closed."""
        return 0 if self.status is None else self.status.closed_rounds

    @cached_property
    def last_closed(self) -> RoundRecord | None:
        """The last closed round's record, or None."""
        path = round_path(self.study, self.closed_rounds, "round")
        record = self._state.record(path, THE_ONE, RoundRecord) if self.closed_rounds else None
        return record if record is not None and record.phase == "closed" else None

    @cached_property
    def model(self) -> bytes:
        """The digest of the last good model."""
        return b"" if self.status is None else from_text(self.status.model, DIGEST_SIZE)

    @cached_property
    def trials(self) -> TrialView:
        """What the ledger says of the models among which the least validation loss chooses."""
        return TrialView(self._state, self.study, self.status)

    @cached_property
    def here(self) -> Attempt | None:
        """The open attempt, or None."""
        return None if self.round is None else attempt_in(self._state, self.study, self.number)

    def attempt_before(self, attempt: int, participants: Mapping[str, int]) -> Attempt | None:
        """Return an earlier attempt at the open round, whose participants and weights are known."""
        if self.round is None:
            return None
        return attempt_in(self._state, self.study, self.number, (attempt, participants))

    @cached_property
    def last(self) -> Attempt | None:
        """The attempt that closed the last closed round, or None."""
        if self.last_closed is None:
            return None
        return attempt_in(self._state, self.study, self.closed_rounds)

    @cached_property
    def participants(self) -> Mapping[str, int]:
        """The open round's participants and weights, in order."""
        return {} if self.round is None else powers(self._state, self._path("participants"))

    @cached_property
    def validators(self) -> Mapping[str, int]:
        """The open round's validators and powers, in order."""
        return {} if self.round is None else powers(self._state, self._path("validators"))

    @cached_property
    def first_validator(self) -> str:
        """The validator that does at once what any may do; what it leaves out, the others do."""
        return next(iter(validator_powers(self._state)))

    @property
    def reveals(self) -> Mapping[str, RevealRecord]:
        """What was revealed in the open attempt, by member, in order."""
        here = self.here
        return {} if here is None else here.reveals

    @cached_property
    def unaccepted(self) -> frozenset[str]:
        """Registered sites that have not accepted while training is not over."""
        if self.registration is None or self.status is None:
            return frozenset()
        if self.status.phase not in (*before_rounds(self.registration.modules), "rounds"):
            return frozenset()
        sites, accepted = self.registration.sites, study_path(self.study, "sites")
        if self._state.count(accepted) == len(sites):  # nobody else can accept
            return frozenset()
        return frozenset(sites).difference(self._state.names(accepted))

    @cached_property
    def awaited(self) -> tuple[str, ...]:
        """Who has not spoken in the present phase, in order; nobody where nobody need."""
        if self.registration is None or self.status is None:
            return ()
        if self.unaccepted and self.round is None:
            return tuple(sorted(self.unaccepted))
        if self.status.phase == "evaluation":
            path = study_path(self.study, "evaluations")
            sites = self._state.names(study_path(self.study, "sites"))
            active = active_members(self._state)
            left = [one for one in sites if one in active and not self._state.has(path, one)]
            return self._without_silent(SITES, left)
        if self.round is None:
            return ()
        phase = phase_of(terms_in(self.registration, self.number).modules, self.phase)
        speakers = "" if phase is None or phase.speakers == SITES else phase.speakers
        return self._without_silent(speakers, self.outstanding)

    @cached_property
    def outstanding(self) -> tuple[str, ...]:
        """Who may speak in the open attempt's phase and has not, waited for or not, in order."""
        if self.round is None:
            return ()
        return awaited(open_round_of(study_of(self._state, self.study)))

    def _without_silent(self, speakers: str, names: Sequence[str]) -> tuple[str, ...]:
        """Return who is waited for: silent members where nobody else is left."""
        left = tuple(name for name in names if (speakers, name) not in self.silences)
        return left or tuple(names)

    @cached_property
    def silences(self) -> Mapping[tuple[str, str], Silence]:
        """Who is waited for no more, and since where, by (speakers, member)."""
        over = self.phase in ("absent", "closing", "closed")
        return {} if over else silences(self._state, self.study)

    def acceptance(self, site: str) -> Acceptance | None:
        """Return a site's acceptance, or None."""
        return self._state.record(study_path(self.study, "sites"), site, Acceptance)

    def budget(self, site: str) -> Budget | None:
        """Return what a site's units have lost in the study; None without differential privacy."""
        return self._state.record(study_path(self.study, "budgets"), site, Budget)

    def evaluation(self, site: str) -> EvaluationRecord | None:
        """Return what a site posted about the final model, or None."""
        return self._state.record(study_path(self.study, "evaluations"), site, EvaluationRecord)

    @cached_property
    def scarce(self) -> frozenset[str]:
        """Included participants whose update some validator has not attested in this attempt."""
        names = tuple(self.participants)
        items = attempt_items(self._state, self._path("available"), self.attempt)
        bitmaps = {validator: attested(bitmap, names) for validator, bitmap in items}
        here = self.here
        return frozenset(
            name
            for name in (() if here is None else here.included)
            if any(name not in bitmaps.get(validator, ()) for validator in self.validators)
        )

    def records(self, table: str, kind: type[R]) -> dict[str, R]:
        """Return a table of the study that is about members, as a mechanism keeps one."""
        path = study_path(self.study, table)
        found = ((name, self._state.record(path, name, kind)) for name in self._state.keys(path))
        return {name: one for name, one in found if one is not None}

    def has_spoken(self, table: str, member: str) -> bool:
        """Return whether a member is in a table (commits, votes, …) of the open attempt."""
        return self._state.has(self._path(table), attempt_key(self.attempt, member))

    def has_committed_before(self, member: str) -> bool:
        """Return whether a member committed an update in an earlier attempt at the open round."""
        path = self._path("commits")
        earlier = range(1, self.attempt)
        return any(self._state.has(path, attempt_key(one, member)) for one in earlier)

    def has_timed_out(self, member: str) -> bool:
        """Return whether a validator's timer for the present phase is on record."""
        if self.round is None:
            at = f"/{attempt_key(self.attempt)}" if self.phase.startswith("statistics.") else ""
            key = f"{self.phase}{at}/{member}"
            return self._state.has(study_path(self.study, "timeouts"), key)
        key = attempt_key(self.attempt, self.phase, member)
        return self._state.has(self._path("timeouts"), key)

    def has_abandoned(self, member: str) -> bool:
        """Return whether a validator's vote to abandon the study here is on record."""
        here = f"{0 if self.round is None else self.number:08d}/{self.attempt:04d}/{self.phase}"
        return self._state.has(study_path(self.study, "timeouts"), f"abandon/{here}/{member}")

    @cached_property
    def recipients(self) -> dict[str, bytes]:
        """The open round's validators and the public keys to which updates are sealed for them.

        The attempt's first sealed reveal fixes them; before that they are the current ones.
        """
        table, names = self._path("recipients"), self.validators
        fixed = {name: self._state.get(table, attempt_key(self.attempt, name)) for name in names}
        members = {name: self._state.record(MEMBERS, name, MemberRecord) for name in names}
        keys = {name: one.key for name, one in members.items() if one is not None and one.active}
        if any(fixed.values()):
            keys = {name: key.decode() for name, key in fixed.items() if key is not None}
        return {name: from_text(key, KEY_SIZE) for name, key in keys.items()}

    @property
    def retirement(self) -> RetirementView:
        """What the ledger says of updates that may be deleted."""
        return RetirementView(self._state, self.study)

    @property
    def current_validators(self) -> Mapping[str, int]:
        """Who validates now, with powers, whatever rounds there are."""
        return validator_powers(self._state)

    def missed_vote(self, member: str) -> bool:
        """Return whether a validator's vote on the last closed round is still missing."""
        return member in self._missing_votes

    @cached_property
    def _missing_votes(self) -> frozenset[str]:
        """Validators of the last closed round whose votes on it are still missing."""
        closed, number = self.last_closed, self.closed_rounds
        if closed is None or self.phase == "closed":
            return frozenset()
        in_time = round_path(self.study, number, "votes")
        late = study_path(self.study, "late_votes")
        return frozenset(
            name
            for name in self._state.names(round_path(self.study, number, "validators"))
            if not self._state.has(in_time, attempt_key(closed.attempt, name))
            and not self._state.has(late, f"{number:08d}/{name}")
        )

    def parent(self, model: str) -> bytes | None:
        """Return the digest of a model's parent, or None for the first one."""
        record = self._state.record(study_path(self.study, "models"), model, ModelRecord)
        if record is None or not isinstance(record.parent, str):
            return None
        return from_text(record.parent, DIGEST_SIZE)

    def _path(self, table: str) -> tuple[str, ...]:
        return round_path(self.study, self.number, table)
