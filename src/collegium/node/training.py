"""Training beside the node's loop: while a site trains, its member goes on to replay and cosign.

A block is final when more than two thirds of the power have cosigned it, so a node that did
nothing else while it trains would hold up everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Lock, Thread
from typing import Any, TypeVar

from collegium.federation.local_trainers import Float32, LocalTrainers
from collegium.learning.algorithms.local_round import Kept
from collegium.learning.blobs import ModelState
from collegium.learning.models import ModelSpec
from collegium.study.document import Study

T = TypeVar("T")

PATIENCE = 0.2
"""Seconds in which most training is done; only what takes longer goes on beside the loop."""


class StillTrainingError(Exception):
    """The work that was asked for goes on; ask again later."""


class _Work:
    """One piece of work in a thread of its own; it ends with the process that it serves."""

    def __init__(self, work: Callable[[], Any], turn: Lock) -> None:
        self._work, self._turn = work, turn
        self._found: Any = None
        self._thread = Thread(target=self._run, name="training", daemon=True)
        self._thread.start()

    @property
    def goes_on(self) -> bool:
        """Whether there is no result yet."""
        return self._thread.is_alive()

    def result(self) -> Any:
        """Return the result, or raise what the work raised."""
        self._thread.join(PATIENCE)
        if isinstance(self._found, Exception):
            raise self._found
        if isinstance(self._found, BaseException):  # such as SystemExit, by a user's own code
            raise RuntimeError(f"training ended by {type(self._found).__name__}") from self._found
        if self._found is None:
            raise StillTrainingError
        return self._found

    def _run(self) -> None:
        try:
            with self._turn:
                self._found = self._work()
        except BaseException as error:
            self._found = error


class BackgroundTraining:
    """A cohort whose work is done in a thread of its own; it satisfies `LocalWork`.

    Two of its methods raise `StillTrainingError` until their work is done. What is asked for
    replaces what was asked for before; the cohort does one piece of work at a time.
    """

    def __init__(self, trainers: LocalTrainers) -> None:
        self._cohort = trainers
        self._turn = Lock()
        self._asked: tuple[object, _Work] | None = None

    @property
    def study(self) -> Study:
        """The study document."""
        return self._cohort.study

    @property
    def spec(self) -> ModelSpec:
        """The study's model."""
        return self._cohort.spec

    @property
    def busy(self) -> bool:
        """Whether work goes on."""
        return self._asked is not None and self._asked[1].goes_on

    def model(self, digest: bytes, data: bytes) -> ModelState:
        """Return the model in a blob of that digest.

        Raises:
            FormatError: it is no model.
        """
        return self._cohort.model(digest, data)

    def attend(self, site: str, kept: Callable[[int], Kept]) -> None:
        """Take note of how a site tells what it has kept before a round."""
        self._cohort.attend(site, kept)

    def rows_of(self, site: str) -> int:
        """Return how many rows a site trains on."""
        return self._cohort.rows_of(site)

    def validation_loss(self, site: str, vector: Float32) -> float | None:
        """Return the mean loss of a study's model [D] on a site's rows held out, if any are."""
        return self._cohort.validation_loss(site, vector)

    def trained(
        self, site: str, number: int, participants: Iterable[str], model: bytes, start: Float32
    ) -> tuple[Float32, ...]:
        """Return what came of each leg of a site's local work in a round, float32 [d].

        What was kept is read here, not beside the loop that writes it.

        Raises:
            StillTrainingError: the work takes longer.
        """
        names = tuple(participants)
        kept = self._cohort.kept_before(names, number)
        return self._done(
            (site, number, model),
            lambda: self._cohort.trained(site, number, names, model, start, kept),
        )

    def alone(self, site: str, trial: int = 1) -> Float32:
        """Return a site's model from its own rows alone, float32 [d].

        Raises:
            StillTrainingError: the work takes longer.
        """
        return self._done((site, trial), lambda: self._cohort.alone(site, trial))

    def tuned(self, site: str, start: Float32, trial: int = 1) -> Float32:
        """Return a final model after it was trained on at a site, float32 [d].

        Raises:
            StillTrainingError: the work takes longer.
        """
        work = (site, start.tobytes(), trial)
        return self._done(work, lambda: self._cohort.tuned(site, start, trial))

    def _done(self, key: object, work: Callable[[], T]) -> T:
        if self._asked is None or self._asked[0] != key:
            self._asked = key, _Work(work, self._turn)
        found: T = self._asked[1].result()
        return found
