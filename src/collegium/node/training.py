"""Training beside the node's loop: while a site trains, its member goes on to replay and cosign.

A block is final when more than two thirds of the power have cosigned it, so a node that did
nothing else while it trains would hold up everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from collegium.federation.cohort import Cohort, Float32
from collegium.learning.blobs import ModelState
from collegium.learning.models import ModelSpec
from collegium.study.document import Study

PATIENCE = 0.2
"""Seconds in which most training is done; only what takes longer goes on beside the loop."""


class StillTrainingError(Exception):
    """The work that was asked for goes on; ask again later."""


class TrainingBeside:
    """A cohort whose work is done in a thread of its own; it satisfies `LocalWork`.

    Two of its methods raise `StillTrainingError` until their work is done. Close it at the end.
    """

    def __init__(self, cohort: Cohort) -> None:
        self._cohort = cohort
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="training")
        self._asked: tuple[object, Future[Float32]] | None = None

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
        return self._asked is not None and not self._asked[1].done()

    def model(self, digest: bytes, data: bytes) -> ModelState:
        """Return the model in a blob of that digest.

        Raises:
            FormatError: it is no model.
        """
        return self._cohort.model(digest, data)

    def local_parameters(
        self, site: str, number: int, participants: Iterable[str], model: bytes, start: Float32
    ) -> Float32:
        """Return a site's parameters after a round's local work, float32 [d].

        Raises:
            StillTrainingError: the work takes longer.
        """
        names = tuple(participants)
        return self._done(
            (site, number, model),
            lambda: self._cohort.local_parameters(site, number, names, model, start),
        )

    def alone(self, site: str) -> Float32:
        """Return a site's model from its own rows alone, float32 [d].

        Raises:
            StillTrainingError: the work takes longer.
        """
        return self._done(site, lambda: self._cohort.alone(site))

    def close(self) -> None:
        """Begin nothing more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _done(self, key: object, work: Callable[[], Float32]) -> Float32:
        """Return the work's result; work that was asked for before something else is dropped."""
        if self._asked is None or self._asked[0] != key:
            if self._asked is not None:
                self._asked[1].cancel()
            self._asked = key, self._thread.submit(work)
        future = self._asked[1]
        if not wait([future], PATIENCE).done:
            raise StillTrainingError
        return future.result()
