"""The in-process loop: ask everybody, commit what they say, repeat until the study is closed.

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
from collegium.ledger.book import Accepted
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.engine import Engine
from collegium.ledger.equivocation import Conflict, Witness

QUOTA = 64
"""Transactions of one participant that a pass takes up; the rest is dropped and counted."""

IDLE_PASSES = 2
"""Quiet passes in which everybody is told so before the loop gives up."""

TOLD = 5
"""Participants whose last refusal the error of a run that is stuck tells."""


@dataclass(slots=True)
class Traffic:
    """What the loop saw: refusals by participant and code, dropped messages, time in the engine.

    `refusals` holds the last one of each participant.
    """

    rejected: Counter[tuple[str, str]] = field(default_factory=Counter)
    refusals: dict[str, Rejected] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)
    engine_seconds: float = 0.0
    passes: int = 0


def drive(
    engine: Engine,
    study: str,
    participants: Sequence[Participant],
    observe: Callable[[Sequence[Accepted]], None],
    settle: Callable[[], None] = lambda: None,
) -> Traffic:
    """Run a study to its end.

    Args:
        engine: puts transactions in order.
        study: its id.
        participants: everybody of this process.
        observe: is told what each block brought.
        settle: is called before anything is announced; returns when what the participants keep
            and publish is on the disk.

    Raises:
        RunError: nobody has anything to say and the study is not closed.
    """
    traffic = Traffic()
    witness = Witness()
    conflicts: tuple[Conflict, ...] = ()
    quiet = 0
    while True:
        view = StudyView(engine.state, study, conflicts)
        if view.phase == "closed":
            return traffic
        batch: list[bytes] = []
        speakers: list[str] = []
        for participant in participants:
            due = participant.reconcile(view, idle=quiet > 0)
            if not due:
                continue
            if len(due) > QUOTA:
                traffic.dropped[participant.name] += len(due) - QUOTA
            batch += due[:QUOTA]
            speakers += [participant.name] * len(due[:QUOTA])
        settle()
        began = perf_counter()
        outcomes = engine.submit(batch)
        traffic.engine_seconds += perf_counter() - began
        traffic.passes += 1
        conflicts = witness.watch(batch, outcomes)
        accepted = []
        for speaker, outcome in zip(speakers, outcomes, strict=True):
            if isinstance(outcome, Rejected):
                traffic.rejected[speaker, outcome.code] += 1
                traffic.refusals[speaker] = outcome
            else:
                accepted.append(outcome)
        observe(accepted)
        quiet = 0 if accepted else quiet + 1
        if quiet > IDLE_PASSES:
            raise RunError(
                "run.stuck",
                f"the study cannot go on from its phase {view.phase!r}",
                "nobody says anything new, and no quorum ends the phase" + _told(traffic.refusals),
                "see who is silent with `collegium verify --partial`; bring them back and --resume",
            )


def _told(refusals: dict[str, Rejected]) -> str:
    """Return in words what was refused last, or nothing."""
    last = [f"{who} ({one})" for who, one in list(refusals.items())[:TOLD]]
    more = f" and {len(refusals) - TOLD} more" if len(refusals) > TOLD else ""
    return f"; last refused: {'; '.join(last)}{more}" if last else ""
