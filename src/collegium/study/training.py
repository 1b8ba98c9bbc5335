"""What sites do in a round, and what stays theirs: ``[training]`` and ``[personalization]``."""

from __future__ import annotations

from typing import Literal

from collegium.study.section import Section


class Schedule(Section, frozen=True, kw_only=True):
    """How the sites' learning rate changes from round to round, after a linear warm-up.

    "cosine" falls to `factor` times the rate in the last round; "step" multiplies by `factor`
    after every `every` rounds.
    """

    kind: Literal["cosine", "step"]
    warmup: int = 0
    factor: float = 0.1
    every: int = 1


class EarlyStopping(Section, frozen=True, kw_only=True):
    """Training ends when the loss on held-out rows has not fallen for `patience` rounds.

    `validation` is the part of every site's training persons that are held out for that.
    """

    patience: int
    validation: float = 0.2


class Augmentation(Section, frozen=True, kw_only=True):
    """What happens by chance to a row whenever it is trained on, anew each time.

    `rotation`: a signal of sensors with three axes each is turned in space, all sensors alike,
    about a random axis by up to so many degrees.
    """

    rotation: float = 0.0


class Training(Section, frozen=True, kw_only=True):
    """``[training]``: the local work of a round.

    `algorithm` is what sites do besides descending, nothing for "fedavg", which is the default.
    `participation` says which of them take part: those drawn, or in turn in order of their names.

    `momentum` is that of a round's local steps and starts anew with each round; `site_momentum`
    is carried from round to round in what the site sends, if there is any.
    """

    trainer: str = "dense"
    rounds: int
    local_epochs: int = 1
    batch_size: int = 32
    optimizer: Literal["sgd"] = "sgd"
    learning_rate: float
    momentum: float = 0.0
    site_momentum: float | None = None
    fedprox_mu: float = 0.0
    client_fraction: float = 1.0
    algorithm: Literal["fedavg", "scaffold", "fednova"] | None = None
    participation: Literal["random", "cyclic"] | None = None
    schedule: Schedule | None = None
    early_stopping: EarlyStopping | None = None
    augmentation: Augmentation | None = None


class Personalization(Section, frozen=True, kw_only=True):
    """``[personalization]``: what of a model, or beside it, is a site's own and stays there.

    `layers` are the last ones that stay (fedper), `strength` is ditto's, `epochs` fine-tuning's.
    """

    method: Literal["fedper", "fedbn", "ditto", "fine_tuning"]
    layers: int | None = None
    strength: float | None = None
    epochs: int | None = None
