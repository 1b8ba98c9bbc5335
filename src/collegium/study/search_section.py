"""``[search]``: which ways of training a study tries before one of its models is final."""

from __future__ import annotations

from typing import Literal

from collegium.study.section import Section


class Range(Section, frozen=True, kw_only=True):
    """Values from `low` to `high`, drawn evenly, or evenly in their logarithm."""

    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"


Numbers = tuple[float, ...] | Range
Wholes = tuple[int, ...] | Range


class SearchedTraining(Section, frozen=True, kw_only=True):
    """Values of keys of ``[training]``."""

    learning_rate: Numbers | None = None
    local_epochs: Wholes | None = None
    batch_size: Wholes | None = None
    momentum: Numbers | None = None
    fedprox_mu: Numbers | None = None


class SearchedServer(Section, frozen=True, kw_only=True):
    """Values of keys of ``aggregation.server``."""

    learning_rate: Numbers | None = None
    beta1: Numbers | None = None
    beta2: Numbers | None = None


class SearchedAggregation(Section, frozen=True, kw_only=True):
    """Values of keys of ``[aggregation]``."""

    server: SearchedServer | None = None


class SearchedModel(Section, frozen=True, kw_only=True):
    """Values of keys of ``[model]``."""

    l2: Numbers | None = None


class SearchedPersonalization(Section, frozen=True, kw_only=True):
    """Values of keys of ``[personalization]``."""

    strength: Numbers | None = None


class Search(Section, frozen=True, kw_only=True):
    """The values to try, by the keys that they are of, lists or ranges; and what judges them.

    `trials` is how many combinations are tried: absent, all there are of lists. Fewer of them are
    drawn by the study's seed, as are those of ranges. The part `validation` of each site's training
    persons is held out of every trial; the model with the least mean loss on them is final.
    `metric` is that loss.
    """

    training: SearchedTraining | None = None
    aggregation: SearchedAggregation | None = None
    model: SearchedModel | None = None
    personalization: SearchedPersonalization | None = None
    trials: int | None = None
    validation: float = 0.2
    metric: Literal["loss"] = "loss"
