"""The in-process loop: ask everybody, commit what they say, repeat until the study is closed.

What is not ordered yet is no refusal, and a pass that waits for it no quiet one, unless it has been
waited for longer than timers last. Whose member holds something that is not final is not asked.
When a whole pass brings nothing, everybody is told so: first they say what they have been waiting
with, then their timers fire. When that brings nothing either, the history cannot go on, which is
an error and never an endless loop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from collegium.errors import RunError
from collegium.federation.participant import Participant
from collegium.federation.view import StudyView
from collegium.ledger.application import AcceptedTransaction
from collegium.ledger.ordering import LeavesBehind, NotYet, Ordering, Refused

QUOTA = 64
"""Transactions of one participant that a pass takes up; the rest is dropped and counted."""

IDLE_PASSES = 2
"""Quiet passes in which everybody is told so before the loop gives up."""

WAITED_PASSES = 10_000
"""Passes in which something is not ordered or not final yet, one after the other, likewise."""

TOLD = 5
"""Participants whose last refusal the error of a run that is stuck tells."""


@dataclass(slots=True)
class LoopStatistics:
    """What the loop saw: refusals by participant and code, dropped messages, time in the engine.

    `refusals` holds the last one of each participant.
    """

    rejected: Counter[tuple[str, str]] = field(default_factory=Counter)
    refusals: dict[str, Refused] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)
    engine_seconds: float = 0.0
    passes: int = 0


def drive(
    ordering: Ordering,
    study: str,
    participants: Sequence[Participant],
    observe: Callable[[Sequence[AcceptedTransaction]], None],
    settle: Callable[[], None] = lambda: None,
) -> LoopStatistics:
    """Run a study to its end.

    Args:
        ordering: puts transactions in order; each participant sees what its member holds.
        study: its id.
        participants: everybody of this process.
        observe: is told what became final.
        settle: is called before anything is announced; returns when what the participants keep
            and publish is on the disk.

    Raises:
        RunError: nobody has anything to say, or nothing becomes final, and the study is not closed.
    """
    traffic = LoopStatistics()
    asked = [(one, one.name.partition(" ")[0]) for one in participants]
    members = tuple(dict.fromkeys(member for _, member in asked))
    quiet = waited = 0
    while True:
        views = _views(ordering, study, members)
        seen = list({id(one): one for one in views.values() if one is not None}.values())
        gone = ordering.gone if isinstance(ordering, LeavesBehind) else frozenset()
        behind = any(view is None and member not in gone for member, view in views.items())
        if seen and not behind and all(one.phase == "closed" for one in seen):
            return traffic
        batch: list[bytes] = []
        speakers: list[str] = []
        for participant, member in asked:
            view = views[member]
            due = [] if view is None else participant.reconcile(view, idle=quiet > 0)
            if not due:
                continue
            if len(due) > QUOTA:
                traffic.dropped[participant.name] += len(due) - QUOTA
            batch += due[:QUOTA]
            speakers += [participant.name] * len(due[:QUOTA])
        settle()
        began = perf_counter()
        answers = ordering.submit(batch)
        accepted = ordering.step(0)
        traffic.engine_seconds += perf_counter() - began
        traffic.passes += 1
        waiting, late = behind, bool(gone)
        for speaker, answer in zip(speakers, answers, strict=True):
            if isinstance(answer, Refused):
                traffic.rejected[speaker, answer.code] += 1
                traffic.refusals[speaker] = answer
            if isinstance(answer, NotYet):
                waiting |= answer.code != "late"
                late |= answer.code == "late"
        observe(accepted)
        if accepted:
            quiet = waited = 0
        elif waiting:
            waited += 1
        else:
            quiet += 1
        if (quiet > IDLE_PASSES and not late) or max(quiet, waited) > WAITED_PASSES:
            phase = seen[0].phase if seen else "unknown"
            raise RunError(
                "run.stuck",
                f"the study cannot go on from its phase {phase!r}",
                "nobody says anything new, and no quorum ends the phase" + _told(traffic.refusals)
                if quiet > IDLE_PASSES and not late
                else "what was said does not become final",
                "see who is silent with `collegium verify --partial`; bring them back and --resume",
            )


def _views(ordering: Ordering, study: str, members: Sequence[str]) -> dict[str, StudyView | None]:
    """Return what each member knows of a study, None of those who may not act on what they hold.

    Who has the same state has the same view: what it looks up is looked up once.
    """
    conflicts = tuple(ordering.conflicts())
    by_state: dict[int, StudyView] = {}
    views: dict[str, StudyView | None] = {}
    for member in members:
        state = ordering.state_of(member)
        if state is None:
            views[member] = None
        else:
            if id(state) not in by_state:
                by_state[id(state)] = StudyView(state, study, conflicts)
            views[member] = by_state[id(state)]
    return views


def _told(refusals: dict[str, Refused]) -> str:
    """Return in words what was refused last, or nothing."""
    last = [f"{who} ({one})" for who, one in list(refusals.items())[:TOLD]]
    more = f" and {len(refusals) - TOLD} more" if len(refusals) > TOLD else ""
    return f"; last refused: {'; '.join(last)}{more}" if last else ""
