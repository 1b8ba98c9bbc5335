"""From the included updates to the next model: what every validator and auditor repeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from collegium.errors import CollegiumError, FormatError, PluginError
from collegium.learning.aggregation.composition import rule_recorded
from collegium.learning.aggregation.fedavg import FEDAVG
from collegium.learning.aggregation.random_k import SentCoordinates, whole
from collegium.learning.aggregation.rule import Aggregate, Rule
from collegium.learning.aggregation.scores import Scores
from collegium.learning.aggregation.stopping import borne, measured
from collegium.learning.aggregation.updates import Contribution, Updates
from collegium.learning.blobs import ModelState, decode_update
from collegium.learning.encoding import indicators
from collegium.learning.server import ServerOptimizer, server_step
from collegium.plugins import find_versioned
from collegium.study.document import Server


def rule_named(versioned: str) -> Rule:
    """Return the rule with a versioned name, such as ``fedavg@1`` or ``nnm+krum@11``.

    Raises:
        PluginError: a part of it is not installed, or only in another version.
    """
    return rule_recorded(versioned)


def server_named(versioned: str) -> ServerOptimizer:
    """Return the server optimizer with a versioned name, such as ``none@1``.

    Raises:
        PluginError: it is not installed, or only in another version.
    """
    optimizer: ServerOptimizer = find_versioned("server_optimizers", versioned)
    return optimizer


def checked_update(
    name: bytes, data: bytes, size: int, exponent: int, peak: int, saturated: int
) -> Contribution:
    """Return what is in an update blob, checked against the round and its author's claims.

    Args:
        name: the blob's digest.
        data: the blob.
        size: d, how many coordinates the model has.
        exponent: e of the round.
        peak: the largest magnitude that the author claimed.
        saturated: the count of saturated coordinates that the author claimed.

    Raises:
        FormatError: malformed, of another size or exponent, or the claims are not true of it.
    """
    return checked_reading(name, read_update(data), size, exponent, peak, saturated)


class DecodedUpdate(msgspec.Struct, frozen=True, eq=False):
    """What an update blob says: values, int16 [d], exponent, and the two indicators."""

    values: NDArray[np.int16]
    exponent: int
    indicators: tuple[int, int]


def read_update(data: bytes) -> DecodedUpdate:
    """Return what an update blob says.

    Raises:
        FormatError: it is no update.
    """
    values, exponent = decode_update(data)
    return DecodedUpdate(values, exponent, indicators(values))


def checked_reading(
    name: bytes, reading: DecodedUpdate, size: int, exponent: int, peak: int, saturated: int
) -> Contribution:
    """Return what was read from a blob, checked as `checked_update` does.

    Args:
        name: the blob's digest.
        reading: what it says.
        size: d, how many coordinates the model has.
        exponent: e of the round.
        peak: the largest magnitude that the author claimed.
        saturated: the count of saturated coordinates that the author claimed.

    Raises:
        FormatError: another size or exponent, or the claims are not true of it.
    """
    if reading.values.size != size or reading.exponent != exponent:
        raise _refusal(f"{reading.values.size} coordinates with exponent {reading.exponent}")
    if reading.indicators != (peak, saturated):
        raise _refusal("its largest magnitude or its saturated count is not what was claimed")
    return Contribution(name, reading.values)


def next_model(
    model: ModelState,
    updates: Sequence[Contribution],
    weights: tuple[int, ...],
    participants: tuple[str, ...],
    exponent: int,
    rule: Rule,
    tolerate: int,
    optimizer: ServerOptimizer,
    settings: Server,
    scores: Scores | None = None,
    drawn: SentCoordinates | None = None,
) -> ModelState:
    """Return the next model, the same bits on every machine.

    Args:
        model: the round's start.
        updates: the included updates, in order of the participant list.
        weights: their registered weights.
        participants: their members' ids.
        exponent: e of the round.
        rule: the registered rule.
        tolerate: f, how many bad updates it must bear, from the study document.
        optimizer: the registered server optimizer.
        settings: its parameters, from the study document.
        scores: what validators said of the updates, for a rule that is given it.
        drawn: which coordinates the updates have, if not all.

    Raises:
        FormatError: an update does not have the model's size.
        RunError: the arithmetic has no finite result.
        PluginError: the rule fails, or returns what is no exact aggregate.
    """
    size = model.parameters.size if drawn is None else drawn.places.size
    for one in updates:
        if one.values.size != size:
            raise _refusal(f"{one.values.size} coordinates")
    values = np.concatenate([one.values for one in updates]).reshape(-1, size)
    stacked = Updates(
        values, weights, exponent, participants,
        tuple(one.digest for one in updates), scores,
    )  # fmt: skip
    told = 0 if rule.name == FEDAVG.name else measured(model.tensors)
    aggregate = whole(_reduced(rule, stacked, tolerate, told), drawn)
    return server_step(model, aggregate, exponent, optimizer, settings)


def _reduced(rule: Rule, updates: Updates, tolerate: int, told: int) -> Aggregate:
    """Return a rule's aggregate of all coordinates but the last ones, which tell losses."""
    if not told:
        return _aggregate(rule, updates, tolerate)
    learned = _aggregate(rule, replace(updates, values=updates.values[:, :-told]), tolerate)
    losses = borne(updates.values[:, -told:], tolerate)
    return Aggregate(np.concatenate([learned.total, losses]), learned.denominator)


def _aggregate(rule: Rule, updates: Updates, tolerate: int) -> Aggregate:
    """Return a rule's aggregate; a rule may be anybody's code, so what it gives is checked."""
    try:
        found = rule.aggregate(updates, tolerate)
    except CollegiumError:
        raise
    except Exception as error:
        raise _faulty(rule, f"{type(error).__name__}: {error}") from error
    if not (
        isinstance(found, Aggregate)
        and isinstance(found.total, np.ndarray)
        and found.total.dtype == np.int64
        and found.total.shape == updates.values.shape[1:]
        and isinstance(found.denominator, int)
        and found.denominator > 0
    ):
        raise _faulty(
            rule, "it returns no int64 vector of the model's size over a positive integer"
        )
    return found


def _faulty(rule: Rule, why: str) -> PluginError:
    return PluginError(
        "plugin.failed", f"the rule {rule.name} failed", why, "repair or reinstall its package"
    )


def _refusal(why: str) -> FormatError:
    return FormatError(
        "blob.misfit", "an update does not fit its round", why, "the participant is excluded"
    )
