"""The sites that one process trains: all of a simulation's, or the one of a hospital's node.

Sites of a round are trained as one stack. A site's result does not depend on who is beside it,
so simulation, node and resumed run agree bit for bit (architecture 3.4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from collegium.data.across_sites import in_one_part, of_nobody_trained_on
from collegium.data.split import split
from collegium.data.table import SiteRows, take
from collegium.errors import DataError
from collegium.learning.algorithms.layout import mean_loss
from collegium.learning.algorithms.local_round import DescentRun, Kept, kinds, legs, tuning
from collegium.learning.algorithms.schedule import training_at
from collegium.learning.blobs import ModelState, decode_model
from collegium.learning.models import ModelSpec, initial_parameters, learned
from collegium.learning.parallel.pool import Pool
from collegium.learning.parallel.pooled import Pooled
from collegium.learning.parallel.shared import SiteTable
from collegium.learning.private import PrivateTrainer
from collegium.learning.trainer import Trainer, TrainingJob
from collegium.mechanisms.privacy.site import SitePrivacy
from collegium.study.document import Study
from collegium.study.searching import at_round, held_out, held_out_by, in_trial
from collegium.study.tables import compares_persons

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

    def attend(self, site: str, kept: Callable[[int], Kept]) -> None:
        """Take note of how a site tells what it has kept before a round."""
        ...

    def rows_of(self, site: str) -> int:
        """Return how many rows a site trains on."""
        ...

    def validation_loss(self, site: str, vector: Float32) -> float | None:
        """Return the mean loss of a study's model [D] on a site's rows held out, if any are."""
        ...

    def model(self, digest: bytes, data: bytes) -> ModelState:
        """Return the model in a blob of that digest."""
        ...

    def trained(
        self, site: str, number: int, participants: Iterable[str], model: bytes, start: Float32
    ) -> tuple[Float32, ...]:
        """Return what came of each leg of a site's local work in a round, float32 [d]."""
        ...

    def alone(self, site: str, trial: int = 1) -> Float32:
        """Return a site's model from its own rows alone, trained as in a trial, float32 [d]."""
        ...

    def tuned(self, site: str, start: Float32, trial: int = 1) -> Float32:
        """Return a trial's final model after it was trained on at a site, float32 [d]."""
        ...


class LocalTrainers:
    """Training rows of this process's sites, and the trainer that works on them."""

    def __init__(
        self,
        study: Study,
        spec: ModelSpec,
        trainer: Trainer,
        rows: Mapping[str, SiteRows],
        privacy: Mapping[str, SitePrivacy] | None = None,
        pool: Pool | None = None,
    ) -> None:
        self.study = study
        self.spec = spec
        self.rows, self._held = dict(rows), dict[str, SiteRows]()
        part, by = held_out(study), held_out_by(study)
        for name, own in () if part is None else rows.items():
            with suppress(DataError):  # a site of too few persons trains on all of them
                self.rows[name], self._held[name] = split(own, part or 0.0, study.study.seed, by)
        if compares_persons(study):
            nobody = np.empty(0, np.int64)
            once = of_nobody_trained_on if by == "latest" else in_one_part
            cut = once(
                {name: (own, self._held.get(name, take(own, nobody)))
                 for name, own in self.rows.items()}
            )  # fmt: skip
            self.rows = {name: own for name, (own, _) in cut.items()}
            self._held = {name: held for name, (_, held) in cut.items() if len(held.y)}
        self.training_seconds = 0.0
        self._privacy = privacy or {}
        self._trainer = trainer if pool is None else self._pooled(trainer, pool)
        self._kept: dict[str, Callable[[int], Kept]] = {}
        self._trained: tuple[tuple[int, bytes], dict[str, tuple[Float32, ...]]] = ((0, b""), {})
        self._alone: tuple[int, dict[str, Float32]] = 0, {}
        self._tuned: tuple[bytes, dict[str, Float32]] = b"", {}
        self._model: tuple[bytes, ModelState] | None = None

    def _pooled(self, trainer: Trainer, pool: Pool) -> Trainer:
        units = {name: one.units(self.rows[name]) for name, one in self._privacy.items()}
        tables = {
            name: SiteTable(own.x, self._learned(name), units.get(name))
            for name, own in self.rows.items()
        }
        return Pooled(trainer, self.spec, tables, pool)

    def attend(self, site: str, kept: Callable[[int], Kept]) -> None:
        """Take note of how a site tells what it has kept before a round."""
        self._kept[site] = kept

    def rows_of(self, site: str) -> int:
        """Return how many rows a site trains on."""
        return len(self.rows[site].x)

    def validation_loss(self, site: str, vector: Float32) -> float | None:
        """Return the mean loss of a study's model [D] on a site's rows held out, if any are."""
        rows = self._held.get(site)
        return None if rows is None else mean_loss(self.spec, rows, vector)

    def model(self, digest: bytes, data: bytes) -> ModelState:
        """Return the model in a blob of that digest; the last one is kept, all sites ask for it.

        Raises:
            FormatError: it is no model.
        """
        if self._model is None or self._model[0] != digest:
            self._model = digest, decode_model(data)
        return self._model[1]

    def trained(
        self, site: str, number: int, participants: Iterable[str], model: bytes, start: Float32,
        kept: Mapping[str, Kept] | None = None,
    ) -> tuple[Float32, ...]:  # fmt: skip
        """Return what came of each leg of a site's local work in a round, float32 [d].

        The first question about a round trains all participants of this process.

        Args:
            site: whose work.
            number: of the round.
            participants: who takes part in it.
            model: digest of the model that it starts from.
            start: float32 [D], the study's vector there.
            kept: what `kept_before` said.
        """
        key = (number, model)
        if self._trained[0] != key or site not in self._trained[1]:
            self._trained = (key, self._round(participants, number, model, start, kept))
        return self._trained[1][site]

    def kept_before(self, participants: Iterable[str], number: int) -> dict[str, Kept]:
        """Return what this process's participants have kept before a round."""
        nothing = dict.fromkeys(kinds(self.study))
        return {
            name: self._kept[name](number) if name in self._kept else nothing
            for name in participants
            if name in self.rows
        }

    def alone(self, site: str, trial: int = 1) -> Float32:
        """Return a site's model from its own rows alone, with the same budget, float32 [d]."""
        if self._alone[0] != trial:
            self._alone = trial, self.trained_alone(trial)
        return self._alone[1][site]

    def trained_alone(self, trial: int = 1) -> dict[str, Float32]:
        """Return every site's own model: as many rounds of local work as it would take part in.

        It has no differential privacy, and leaves no site that promised some.
        """
        tried = in_trial(self.study, trial)
        training = tried.training
        start = initial_parameters(self.spec, self.study.study.seed)
        parameters = dict.fromkeys(self.rows, start)
        for number in range(1, max(1, round(training.rounds * training.client_fraction)) + 1):
            settings = training_at(training, number)
            planned = {name: [DescentRun(settings, one, one)] for name, one in parameters.items()}
            found = self._in_legs(planned, number, tried)
            parameters = {name: one for name, (one,) in found.items()}
        return parameters

    def _round(
        self, participants: Iterable[str], number: int, model: bytes, start: Float32,
        kept: Mapping[str, Kept] | None,
    ) -> dict[str, tuple[Float32, ...]]:  # fmt: skip
        private = self.study.privacy.differential_privacy
        if private is not None and private.protects.in_training:
            ours = [name for name in participants if name in self.rows]
            return self._privately(ours, number, model, start)
        known = self.kept_before(participants, number) if kept is None else kept
        tried, within = at_round(self.study, number)
        planned = {name: legs(tried, self.spec, within, start, known[name]) for name in known}
        return self._in_legs(planned, within, tried)

    def _privately(
        self, sites: list[str], number: int, model: bytes, start: Float32
    ) -> dict[str, tuple[Float32, ...]]:
        began = perf_counter()
        jobs = [
            self._privacy[name].job(
                TrainingJob(name, self.rows[name].x, self._learned(name), start, number),
                self.rows[name], model,
            )
            for name in sites
        ]  # fmt: skip
        noising = self._privacy[sites[0]].noising
        if not isinstance(self._trainer, PrivateTrainer):
            raise TypeError(f"{self._trainer.name} cannot train with differential privacy")
        training = training_at(self.study.training, number)
        result = self._trainer.train_privately(jobs, self.spec, training, noising)
        self.training_seconds += perf_counter() - began
        return {name: (result[index],) for index, name in enumerate(sites)}

    def _learned(self, name: str) -> NDArray[Any]:
        return learned(self.spec, self.rows[name].y)

    def tuned(self, site: str, start: Float32, trial: int = 1) -> Float32:
        """Return a trial's final model after it was trained on at a site, float32 [d]."""
        key, tried = start.tobytes(), in_trial(self.study, trial)
        if self._tuned[0] != key:
            planned = {name: [DescentRun(tuning(tried), start, start)] for name in self.rows}
            found = self._in_legs(planned, tried.training.rounds + 1, tried)
            self._tuned = key, {name: one for name, (one,) in found.items()}
        return self._tuned[1][site]

    def _in_legs(
        self, planned: Mapping[str, list[DescentRun]], number: int, study: Study
    ) -> dict[str, tuple[Float32, ...]]:
        """Train sites leg by leg; a study's sites have equally many, trained alike."""
        began = perf_counter()
        spec = replace(self.spec, l2=study.model.l2)
        found: dict[str, tuple[Float32, ...]] = dict.fromkeys(planned, ())
        for together in zip(*planned.values(), strict=True):
            jobs = [
                TrainingJob(
                    name, self.rows[name].x, self._learned(name), leg.start, number, leg.anchor,
                    leg.correction,
                )
                for name, leg in zip(planned, together, strict=True)
            ]  # fmt: skip
            result = self._trainer.train(jobs, spec, together[0].training, study.study.seed)
            for name, parameters in zip(planned, result, strict=True):
                found[name] += (parameters,)
        self.training_seconds += perf_counter() - began
        return found
