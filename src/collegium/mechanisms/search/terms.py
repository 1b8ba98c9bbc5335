"""What is said of trials and of early stopping on the ledger; docs/decisions/0066 and 0067."""

from __future__ import annotations

from typing import Literal

import msgspec

from collegium.ledger.contract.event import StudyEvent
from collegium.ledger.contract.fields import MeanLoss, Positive
from collegium.ledger.contract.mechanism import Mechanism


class SearchTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ends training, and which of its models is final.

    `patience`: rounds without a lower validation loss; `selection`: the model with the least voted
    validation loss is final; `trials`: among so many ways of training, each from the first model.
    """

    patience: Positive | msgspec.UnsetType = msgspec.UNSET
    selection: Literal["best"] | msgspec.UnsetType = msgspec.UNSET
    trials: Positive | msgspec.UnsetType = msgspec.UNSET


class Measured(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Part of a result.

    `ends`: this round is the last by the study's patience. `validation`: the mean loss, on rows
    held out, of the model that the round started from, in 2^30ths.
    """

    ends: Literal["early"] | msgspec.UnsetType = msgspec.UNSET
    validation: MeanLoss | msgspec.UnsetType = msgspec.UNSET


class TrialClosed(StudyEvent, frozen=True, kw_only=True, tag="trial.closed"):
    """A trial ended; its least voted loss was of `model`, in round `best`. None if it failed."""

    best: int | msgspec.UnsetType = msgspec.UNSET
    model: str | msgspec.UnsetType = msgspec.UNSET
    round: int
    trial: int
    validation: int | msgspec.UnsetType = msgspec.UNSET


class ModelChosen(StudyEvent, frozen=True, kw_only=True, tag="model.chosen"):
    """The model with the least validation loss is final; `round` is the one that measured it."""

    model: str
    round: int
    trial: int
    validation: int


MECHANISM = Mechanism(
    "search", 1,
    parts={"terms": SearchTerms, "result": Measured},
    events=(TrialClosed, ModelChosen),
)  # fmt: skip
