"""The sites that one process trains: all of a simulation's, or the one of a hospital's node.

Sites of a round are trained as one stack. A site's result does not depend on who is beside it,
so simulation, node and resumed run agree bit for bit (architecture 3.4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from collegium.data.table import SiteRows
from collegium.federation.privacy import SitePrivacy
from collegium.learning.blobs import ModelState, decode_model
from collegium.learning.models import ModelSpec, initial_parameters
from collegium.learning.private import PrivateTrainer
from collegium.learning.trainer import Trainer, TrainingJob
from collegium.study.document import Study

Float32 = NDArray[np.float32]


class LocalWork(Protocol):
    """What a site asks about its own training; a node does it beside its loop."""

    @property
    def study(self) -> Study:
        """The study document."""
        ...

    @property
    def spec(self) -> ModelSpec:
        """The study's model."""
        ...

    def model(self, digest: bytes, data: bytes) -> ModelState:
        """Return the model in a blob of that digest."""
        ...

    def local_parameters(
        self, site: str, number: int, participants: Iterable[str], model: bytes, start: Float32
    ) -> Float32:
        """Return a site's parameters after a round's local work, float32 [d]."""
        ...

    def alone(self, site: str) -> Float32:
        """Return a site's model from its own rows alone, float32 [d]."""
        ...


class Cohort:
    """Training rows of this process's sites, and the trainer that works on them."""

    def __init__(
        self,
        study: Study,
        spec: ModelSpec,
        trainer: Trainer,
        rows: Mapping[str, SiteRows],
        privacy: Mapping[str, SitePrivacy] | None = None,
    ) -> None:
        self.study = study
        self.spec = spec
        self.rows = dict(rows)
        self.training_seconds = 0.0
        self._trainer = trainer
        self._privacy = privacy or {}
        self._trained: tuple[tuple[int, bytes], dict[str, Float32]] = ((0, b""), {})
        self._alone: dict[str, Float32] = {}
        self._model: tuple[bytes, ModelState] | None = None

    def model(self, digest: bytes, data: bytes) -> ModelState:
        """Return the model in a blob of that digest; the last one is kept, all sites ask for it.

        Raises:
            FormatError: it is no model.
        """
        if self._model is None or self._model[0] != digest:
            self._model = digest, decode_model(data)
        return self._model[1]

    def local_parameters(
        self, site: str, number: int, participants: Iterable[str], model: bytes, start: Float32
    ) -> Float32:
        """Return a site's parameters after a round's local work, float32 [d].

        The first question about a round trains all participants of this process.
        """
        key = (number, model)
        if self._trained[0] != key or site not in self._trained[1]:
            ours = [name for name in participants if name in self.rows]
            self._trained = (key, self._train_round(ours, number, model, start))
        return self._trained[1][site]

    def alone(self, site: str) -> Float32:
        """Return a site's model from its own rows alone, with the same budget, float32 [d]."""
        if not self._alone:
            self._alone = self.trained_alone()
        return self._alone[site]

    def trained_alone(self) -> dict[str, Float32]:
        """Return every site's own model: as many rounds of local work as it would take part in.

        It has no differential privacy, and leaves no site that promised some.
        """
        training = self.study.training
        start = initial_parameters(self.spec, self.study.study.seed)
        parameters = dict.fromkeys(self.rows, start)
        for number in range(1, max(1, round(training.rounds * training.client_fraction)) + 1):
            parameters = self._train(list(self.rows), number, parameters.__getitem__)
        return parameters

    def _train_round(
        self, sites: list[str], number: int, model: bytes, start: Float32
    ) -> dict[str, Float32]:
        if self.study.privacy.differential_privacy is None:
            return self._train(sites, number, lambda _: start)
        began = perf_counter()
        jobs = [
            self._privacy[name].job(self._job(name, number, start), self.rows[name], model)
            for name in sites
        ]
        noising = self._privacy[sites[0]].noising
        if not isinstance(self._trainer, PrivateTrainer):
            raise TypeError(f"{self._trainer.name} cannot train with differential privacy")
        result = self._trainer.train_privately(jobs, self.spec, self.study.training, noising)
        self.training_seconds += perf_counter() - began
        return {name: result[index] for index, name in enumerate(sites)}

    def _job(self, site: str, number: int, start: Float32) -> TrainingJob:
        rows = self.rows[site]
        return TrainingJob(site, rows.x, rows.y, start, number)

    def _train(
        self, sites: list[str], number: int, start: Callable[[str], Float32]
    ) -> dict[str, Float32]:
        began = perf_counter()
        jobs = [self._job(name, number, start(name)) for name in sites]
        study = self.study
        result = self._trainer.train(jobs, self.spec, study.training, study.study.seed)
        self.training_seconds += perf_counter() - began
        return {name: result[index] for index, name in enumerate(sites)}
