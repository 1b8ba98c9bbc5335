"""Trainers that do odd things; worker processes import them by name."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collegium.errors import PluginError
from collegium.learning.models import ModelSpec, size
from collegium.learning.trainer import TrainingJob
from collegium.study.document import Training


@dataclass(frozen=True, slots=True)
class Told:
    """Returns the number of the process that trained, and how many sites it trained together."""

    home: int
    name: str = "told@1"

    def train(
        self, jobs: Sequence[TrainingJob], spec: ModelSpec, training: Training, seed: int
    ) -> NDArray[np.float32]:
        time.sleep(0.02)
        return np.full((len(jobs), size(spec)), (os.getpid(), len(jobs)), np.float32)


@dataclass(frozen=True, slots=True)
class Falling:
    """Ends its process, or raises, in all processes but one."""

    home: int
    how: str
    name: str = "falling@1"

    def train(
        self, jobs: Sequence[TrainingJob], spec: ModelSpec, training: Training, seed: int
    ) -> NDArray[np.float32]:
        if os.getpid() != self.home:
            if self.how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.how == "refused":
                raise PluginError("plugin.failed", "what", "why", "todo")
            if self.how == "odd":
                raise Odd("one", "two")
        return np.zeros((len(jobs), size(spec)), np.float32)


class Odd(Exception):
    """Cannot be pickled: it is made of two things and tells of one."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


@dataclass(frozen=True, slots=True)
class Sleeping:
    """Writes the number of its process into a folder, and sleeps for ever."""

    folder: str
    name: str = "sleeping@1"

    def train(
        self, jobs: Sequence[TrainingJob], spec: ModelSpec, training: Training, seed: int
    ) -> NDArray[np.float32]:
        (Path(self.folder) / str(os.getpid())).touch()
        time.sleep(1000)
        return np.zeros((len(jobs), size(spec)), np.float32)
