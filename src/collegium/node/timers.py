"""When a study's timers fire: the wall clock stands for what is an idle pass in a simulation.

A phase lasts as long as the settings say. Half of it in, participants are told that nothing more
has come: they say what they have waited with. At its end they are told again, and time it out.
The clock never enters the state: what it causes is a signed transaction (architecture 3.2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from collegium.federation.view import StudyView

Place = tuple[str, int, int]


class OnlineClock:
    """Seconds that stand still while the sequencer is away.

    Nobody is late by an outage that stops everybody: a phase lasts as long as members can speak.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen = clock()
        self._lost = 0.0
        self._online = True

    def now(self) -> float:
        """Return the seconds."""
        return (self._clock() if self._online else self._seen) - self._lost

    def tick(self, *, online: bool) -> None:
        """Say that the sequencer has just answered, or failed to."""
        now = self._clock()
        if not (online and self._online):
            self._lost += now - self._seen
        self._seen, self._online = now, online


@dataclass(slots=True)
class _Waiting:
    place: Place
    since: float
    told: int = 0


class Timers:
    """How long each study has been where it is.

    Args:
        phase: seconds that a phase lasts.
        patience: seconds after which a study that waits for everybody is given up.
        clock: seconds that only grow.
    """

    def __init__(self, phase: float, patience: float, clock: Callable[[], float]) -> None:
        self._phase, self._patience, self._clock = phase, patience, clock
        self._waiting: dict[str, _Waiting] = {}

    def idle(self, view: StudyView) -> bool:
        """Return whether a study's participants are to be told that nothing more has come."""
        waiting = self._at(view)
        halves = int(2 * self._elapsed(waiting) / self._phase)
        if halves <= waiting.told:
            return False
        waiting.told = halves
        return True

    def may_abandon(self, view: StudyView) -> bool:
        """Return whether a study has been where it is for longer than anybody waits."""
        return self._elapsed(self._at(view)) >= self._patience

    def waited(self, view: StudyView) -> float:
        """Return for how many seconds a study has been where it is.

        0 where it came there after the last answer of a sequencer that is away since.
        """
        return max(0.0, self._elapsed(self._at(view)))

    def _elapsed(self, waiting: _Waiting) -> float:
        return self._clock() - waiting.since

    def _at(self, view: StudyView) -> _Waiting:
        place = (view.phase, view.number, view.attempt)
        waiting = self._waiting.get(view.study)
        if waiting is None or waiting.place != place:
            waiting = self._waiting[view.study] = _Waiting(place, self._clock())
        return waiting
