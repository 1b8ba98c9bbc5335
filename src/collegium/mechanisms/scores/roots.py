"""Rows that validators keep apart, and what they find out by them about updates."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from collegium.data.table import SiteRows
from collegium.federation.speaking import ReservedRows
from collegium.learning.algorithms.layout import mean_loss
from collegium.learning.algorithms.schedule import training_at
from collegium.learning.models import ModelSpec, learned
from collegium.learning.trainer import Trainer, TrainingJob
from collegium.mechanisms.scores.terms import MECHANISM
from collegium.study.document import Study

Float32 = NDArray[np.float32]


class RootData:
    """Each validator's rows, by its name; whoever trains does it without them."""

    def __init__(
        self, study: Study, spec: ModelSpec, trainer: Trainer, rows: Mapping[str, SiteRows]
    ) -> None:
        self.study = study
        self.rows = dict(rows)
        self._spec = spec
        self._trainer = trainer

    def loss(self, validator: str, vector: Float32) -> float:
        """Return the mean loss of a study's vector [D] on a validator's rows."""
        return mean_loss(self._spec, self.rows[validator], vector)

    def training(self, validator: str, number: int, start: Float32) -> Float32:
        """Return a study's vector [D] after a round's local work on those rows alone."""
        rows, training = self.rows[validator], training_at(self.study.training, number)
        job = TrainingJob(validator, rows.x, learned(self._spec, rows.y), start, number)
        found = self._trainer.train([job], self._spec, training, self.study.study.seed)
        return np.asarray(found[0])


def roots_of(reserved: ReservedRows) -> RootData:
    """Return the rows that are reserved for scores."""
    rows = reserved.rows.get(MECHANISM.name, {})
    return RootData(reserved.study, reserved.spec, reserved.trainer, rows)
