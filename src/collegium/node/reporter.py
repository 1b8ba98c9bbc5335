"""What a node says about itself: gathered after each turn of its loop, read by its status page."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from time import monotonic

import msgspec

import collegium
from collegium.federation.outbox import Outbox
from collegium.federation.view import StudyView
from collegium.ledger.contract.series import step_of
from collegium.ledger.ordering import Health
from collegium.mechanisms.search.rules import trials_of
from collegium.node.conflicts import equivocations
from collegium.node.ledger_queries import registered_studies
from collegium.node.loop import Loop
from collegium.node.membership import changes
from collegium.node.privacy_spent import privacy_spent
from collegium.node.registration_checks import in_a_line
from collegium.node.room import Room
from collegium.node.status import ClippedRounds, LockedBlock, NodeStatus, SilentMember, StudyStatus


class Reporter:
    """The status of a node as of its loop's last turn; other threads read it."""

    def __init__(
        self, member: str, genesis: bytes, room: Room, outbox: Outbox,
        store_fails: Callable[[], str | None], silencing: str | None = None,
    ) -> None:  # fmt: skip
        self._room, self._outbox, self._store_fails = room, outbox, store_fails
        self._status = NodeStatus(
            member=member, genesis=genesis.hex(), version=collegium.__version__, pid=os.getpid(),
            state="starting", silencing=silencing,
        )  # fmt: skip
        self._final_at = monotonic()
        self._due_since: float | None = None

    def status(self) -> NodeStatus:
        """Return the status as of now."""
        now = monotonic()
        due = self._due_since
        return msgspec.structs.replace(
            self._status,
            since_final=round(now - self._final_at, 3),
            stalled=0.0 if due is None else round(now - max(due, self._final_at), 3),
        )

    def look_at(self, loop: Loop) -> None:
        """Take note of where a loop stands after a turn."""
        participants, ordering, health = loop.participants, loop.ordering, loop.ordering.health()
        state, bound = ordering.application.state, health.bound
        studies = registered_studies(state)
        self._final_at = loop.last_final
        if not loop.sender.waiting and ordering.application.size == ordering.final_size:
            self._due_since = None
        elif self._due_since is None:
            self._due_since = monotonic()
        told = tuple(_study(loop, StudyView(state, one)) for one in studies)
        closed = {one.study for one in told if one.phase == "closed"}
        self._status = msgspec.structs.replace(
            self._status,
            state=loop.state,
            trouble=loop.trouble,
            enabled=loop.policy.now().enabled,
            size=ordering.application.size,
            final_size=ordering.final_size,
            cosignatures=health.certified,
            missing=health.missing,
            bound=None if bound is None else LockedBlock(block=bound[0], size=bound[1]),
            pending=loop.sender.waiting,
            training=participants.training,
            studies=told,
            lost=privacy_spent(state, self._status.member, loop.policy.now().epsilon_in_all),
            proposals=dict(participants.proposals.faults),
            unordered=() if loop.mailbox is None else loop.mailbox.unordered,
            changes=changes(state),
            evidence=health.evidence,
            equivocations=equivocations(state),
            refusals=dict(loop.refusals),
            rejected=tuple(one for one in loop.rejected.values() if one.study not in closed),
            errors=_errors(loop, health, self._store_fails()),
            error_count=loop.failures + participants.failures,
            missing_blobs=loop.replicator.missing,
            fetching_blobs=loop.replicator.fetching,
            missing_for=round(loop.replicator.missing_for, 1),
            blob_bytes=self._room.used,
            room_percent=round(self._room.percent, 1),
            room=self._room.trouble,
            outbox_entries=len(self._outbox),
            certificate_days=health.certificate_days,
        )


def _study(loop: Loop, view: StudyView) -> StudyStatus:
    registration, status = view.registration, view.status
    return StudyStatus(
        study=view.study,
        phase=view.phase,
        round=view.number,
        closed_rounds=view.closed_rounds,
        rounds=trials_of(registration) * registration.rounds if registration else 0,
        attempt=view.attempt,
        outcome=status.outcome if status else "open",
        model=view.model.hex(),
        waiting=round(loop.participants.waited(view), 1),
        refused=loop.participants.refused.get(view.study, ()),
        stopped=loop.participants.stopped.get(view.study),
        awaited=view.awaited,
        silent=tuple(_silent(view)),
        clipped=_clipped(loop.participants.clipped.get(view.study, {})),
        rows=loop.participants.rows.get(view.study, ()),
        missing_blobs=loop.replicator.missing_of(view.study),
    )


def _clipped(rounds: Mapping[int, int]) -> ClippedRounds | None:
    if not rounds:
        return None
    return ClippedRounds(rounds=tuple(sorted(rounds)), coordinates=max(rounds.values()))


def _silent(view: StudyView) -> Iterator[SilentMember]:
    for (speakers, member), one in view.silences.items():
        set_up = not one.round or step_of(one.round) is not None
        yield SilentMember(
            member=member, speakers=speakers, phase=one.phase, round=one.round, times=one.times,
            rounds=max(0, view.closed_rounds + 1 - (1 if set_up else one.round)),
        )  # fmt: skip


def _errors(loop: Loop, health: Health, store: str | None) -> dict[str, str]:
    found = {**loop.participants.errors, **loop.troubles, **health.troubles}
    if store is not None:
        found["blob store"] = store
    for study, (number, why) in loop.participants.troubles.items():
        found[f"{study}, round {number}"] = why
    if loop.mailbox is not None and loop.mailbox.trouble is not None:
        found["mailbox"] = loop.mailbox.trouble
    if loop.policy.fault is not None:
        found["policy"] = loop.policy.fault
    if loop.sender.trouble is not None:
        found["sender"] = in_a_line(loop.sender.trouble)
    return found
