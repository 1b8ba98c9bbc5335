"""Everybody who acts for a member: its seat in each registered study, and its own proposals.

They are asked whenever everything that the node holds is final.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from collegium.errors import CollegiumError
from collegium.federation.participant import Participant
from collegium.federation.retention import Retention
from collegium.federation.view import StudyView
from collegium.ledger.contract.evidence import decode_transaction
from collegium.ledger.contract.members import active_member
from collegium.ledger.contract.transactions import PhaseTimeout, StudyAbandon, Transaction
from collegium.ledger.envelope import decode_envelope
from collegium.node.double_sign_guard import guarded
from collegium.node.enrolment import Enrolment, MemberContext, enrol, watching
from collegium.node.ledger_queries import registered_studies
from collegium.node.policy import Policy
from collegium.node.proposals import Proposals
from collegium.node.registration_checks import in_a_line
from collegium.node.timers import Timers
from collegium.node.training import StillTrainingError

LOOK_AGAIN = 30.0
"""Seconds after which a seat with objections is judged anew: the rows may have been repaired."""

ASK_AGAIN = 0.1
"""Half the seconds until a document that is not to be had is asked for again; then ever longer."""

LONGEST_REASON = 300
"""Characters of a failure that are told."""

log = logging.getLogger(__name__)


class Participants:
    """A member's participants in all studies of the ledger.

    Attributes:
        refused: the studies in which this member's site takes no part, each with the reasons;
            a study that has ended meanwhile stays among them.
        rows: what of this member's own file is not as a study's document says, by study.
        stopped: the studies of which nothing is computed here any more, each with what failed,
            until the policy or the member's key changes or the node starts again.
        errors: what fails now, by who; `failures` counts all there were.
        troubles: by study, the open round and why this member's site sends nothing in it.
        clipped: by study, rounds that had too little room for this member's update since the node
            started, each with the number of coordinates that were cut off.

    Args:
        acting: returns what they act with now, or None while this is no member.
        timers: of its studies.
        proposals: of a member that owns studies.
        clock: seconds that only grow.
        held_up: returns the studies that nobody is late in: what is due there was kept back.
    """

    def __init__(
        self,
        acting: Callable[[], MemberContext | None],
        timers: Timers,
        proposals: Proposals,
        clock: Callable[[], float],
        held_up: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        self._held_up = held_up
        self.proposals = proposals
        self.refused: dict[str, tuple[str, ...]] = {}
        self.rows: dict[str, tuple[str, ...]] = {}
        self.stopped: dict[str, str] = {}
        self.errors: dict[str, str] = {}
        self.troubles: dict[str, tuple[int, str]] = {}
        self.clipped: dict[str, dict[int, int]] = {}
        self.failures = 0
        self._acting, self._timers, self._clock = acting, timers, clock
        self._enrolments: dict[str, Enrolment] = {}
        self._taken_at: dict[str, float] = {}
        self._under: tuple[Policy, bytes] | None = None

    @property
    def training(self) -> bool:
        """Whether a site trains beside the loop."""
        enrolments = self._enrolments.values()
        return any(
            enrolment.training is not None and enrolment.training.busy for enrolment in enrolments
        )

    def waited(self, view: StudyView) -> float:
        """Return for how many seconds a study has been where it is."""
        return self._timers.waited(view)

    def due(self, policy: Policy) -> list[bytes]:
        """Return the transactions that are due from this member."""
        try:
            acting = self._acting()
        except CollegiumError as error:
            self._note("member", error)
            return []
        self.errors.pop("member", None)
        if acting is None:
            return []
        self._begin_anew_where_changed(policy, acting)
        state = acting.state()
        found: list[bytes] = []
        for study in registered_studies(state):
            try:
                found += self._of_study(acting, StudyView(state, study), policy)
            except Exception as error:  # whatever it is, other studies go on
                self._stop(acting, study, error)
        member = active_member(state, acting.identity.member)
        if policy.enabled and member is not None and "owner" in member.roles:
            found += self.proposals.due(acting)
        return found

    def _of_study(self, acting: MemberContext, view: StudyView, policy: Policy) -> list[bytes]:
        """Return what is due in one study."""
        study, found = view.study, list[bytes]()
        if view.phase == "closed":
            self._leave(study)
            if study in self.stopped:
                return []
            return self._retire(acting, view, policy)
        enrolment = self._enrolment(acting, view, policy)
        if enrolment is None:
            return []
        idle = self._timers.idle(view)
        if idle and view.awaited:
            waits = {"study": study, "phase": view.phase, "round": view.number}
            waits |= {"awaited": view.awaited, "seconds": round(self.waited(view), 1)}
            log.info("study waits", extra=waits)
        for participant in list(enrolment.participants):
            due = self._ask(participant, view, idle=idle)
            found += guarded(acting.outbox, due)
        self._note_trouble(view, enrolment)
        return found

    def _note_trouble(self, view: StudyView, enrolment: Enrolment) -> None:
        """Note why the site sends nothing in the open round, or less, and tell it once."""
        site = enrolment.site
        if site is not None and site.clipped:
            known = self.clipped.setdefault(view.study, {})
            for number in site.clipped.keys() - known.keys():
                told = {"study": view.study, "round": number, "coordinates": site.clipped[number]}
                log.warning("update cut off", extra=told)
            known.update(site.clipped)
        why = None if site is None else site.troubles.get(view.number)
        if why is None:
            self.troubles.pop(view.study, None)
        elif self.troubles.get(view.study) != (view.number, why):
            self.troubles[view.study] = view.number, why
            log.warning(
                "nothing sent", extra={"study": view.study, "round": view.number, "why": why}
            )

    def _stop(self, acting: MemberContext, study: str, error: Exception) -> None:
        """Compute nothing more of a study in which something failed that nobody foresaw.

        Its time is kept, so that it ends also where every member's node fails at it.
        """
        why = f"{type(error).__name__}: {error}"[:LONGEST_REASON]
        again = study in self.stopped
        self.stopped[study] = why
        self._enrolments[study] = Enrolment([] if again else watching(acting))
        if not again:
            self.failures += 1
            log.error("study stopped", exc_info=error, extra={"study": study, "why": why})

    def _begin_anew_where_changed(self, policy: Policy, acting: MemberContext) -> None:
        """Leave every seat that was taken under another policy or another key."""
        under = (policy, acting.identity.key.public)
        if self._under != under:
            self._enrolments.clear()
            self.stopped.clear()
            self._under = under

    def _enrolment(
        self, acting: MemberContext, view: StudyView, policy: Policy
    ) -> Enrolment | None:
        study, now = view.study, self._clock()
        known = self._enrolments.get(study)
        if known is not None and known.unprepared and view.set_up.is_over:
            known = None
        if known is not None and not known.objections and not known.absences:
            return known
        if known is not None and now < self._taken_at[study] + _rest(known):
            return known
        try:
            enrolment = enrol(acting, view, policy)
        except CollegiumError as error:
            self._note(study, error)
            return known
        if enrolment is None:
            times = 0 if known is None else known.absences
            enrolment = Enrolment(watching(acting), absences=min(times + 1, 10))
            self._enrolments[study], self._taken_at[study] = enrolment, now
            return enrolment
        self._told(study, None if known is not None and known.absences else known, enrolment)
        self._enrolments[study], self._taken_at[study] = enrolment, now
        return enrolment

    def _retire(self, acting: MemberContext, view: StudyView, policy: Policy) -> list[bytes]:
        """Return what is due from a member that keeps updates for a limited time."""
        if acting.retention is None or not policy.enabled:
            return []
        retention = Retention(acting.identity, acting.outbox, acting.retention)
        return self._ask(retention, view, idle=False)

    def _leave(self, study: str) -> None:
        enrolment = self._enrolments.pop(study, None)
        for participant in () if enrolment is None else enrolment.participants:
            self.errors.pop(participant.name, None)  # what failed in it fails no more
        self.troubles.pop(study, None)
        self._taken_at.pop(study, None)

    def _ask(self, participant: Participant, view: StudyView, *, idle: bool) -> list[bytes]:
        """Return what is due from a participant; its failure is noted and stops nobody else."""
        try:
            due = participant.reconcile(view, idle=idle)
        except StillTrainingError:
            return []
        except (CollegiumError, OSError) as error:
            self._note(participant.name, error)
            return []
        self.errors.pop(participant.name, None)
        if idle and not self._timers.may_abandon(view):
            due = [one for one in due if not _is_one(one, StudyAbandon)]
        if idle and view.study in self._held_up():
            due = [one for one in due if not _is_one(one, PhaseTimeout, StudyAbandon)]
        return due

    def _note(self, who: str, error: CollegiumError | OSError) -> None:
        told = in_a_line(error) if isinstance(error, CollegiumError) else str(error)
        if self.errors.get(who) != told:
            log.warning("participant failed", extra={"who": who, "why": told})
        self.errors[who] = told
        self.failures += 1

    def _told(self, study: str, before: Enrolment | None, enrolment: Enrolment) -> None:
        """Note and log what became of a study, once."""
        self.refused.pop(study, None)
        if enrolment.objections:
            self.refused[study] = enrolment.objections
        if before is not None and before.objections == enrolment.objections:
            return
        if enrolment.objections:
            log.warning("study refused", extra={"study": study, "why": list(enrolment.objections)})
        else:
            names = [one.name for one in enrolment.participants]
            log.info("study joined", extra={"study": study, "participants": names})
        if enrolment.notes and enrolment.notes != self.rows.get(study):
            self.rows[study] = enrolment.notes
            log.warning("own table", extra={"study": study, "notes": list(enrolment.notes)})
        if enrolment.other_code:
            log.warning("study accepted over other code", extra={"study": study})


def _rest(known: Enrolment) -> float:
    """Return for how many seconds a seat that is not taken is left as it is."""
    return min(LOOK_AGAIN, ASK_AGAIN * 2.0**known.absences) if known.absences else LOOK_AGAIN


def _is_one(envelope: bytes, *kinds: type[Transaction]) -> bool:
    """Return whether an envelope of our own is of one of some kinds."""
    return isinstance(decode_transaction(decode_envelope(envelope).payload), kinds)
