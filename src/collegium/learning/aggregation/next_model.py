"""From the included updates to the next model: what every validator and auditor repeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from collegium.errors import CollegiumError, FormatError, PluginError
from collegium.learning.aggregation.composition import rule_recorded
from collegium.learning.aggregation.counted import counted
from collegium.learning.aggregation.fedavg import FEDAVG
from collegium.learning.aggregation.random_k import SentCoordinates, whole
from collegium.learning.aggregation.rows import RowRule
from collegium.learning.aggregation.rule import Aggregate, Rule
from collegium.learning.aggregation.scores import Scores
from collegium.learning.aggregation.stopping import borne
from collegium.learning.aggregation.updates import Contribution, Updates, contribution
from collegium.learning.blobs import ModelState, Shifted, decode_update
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
    name: bytes, data: bytes, size: int, exponent: int, room: int, peak: int, saturated: int
) -> Contribution:
    """Return what is in an update blob, checked against the round and its author's claims.

    Args:
        name: the blob's digest.
        data: the blob.
        size: d, how many coordinates the model has.
        exponent: e of the round.
        room: bits beyond 16 that the round has room for.
        peak: the largest magnitude that the author claimed.
        saturated: the count of saturated coordinates that the author claimed.

    Raises:
        FormatError: malformed, of another size or exponent, or the claims are not true of it.
    """
    return checked_reading(name, read_update(data), size, exponent, room, peak, saturated)


class DecodedUpdate(msgspec.Struct, frozen=True, eq=False):
    """What an update blob says: its coordinates, exponent, largest magnitude, how many are last.

    The last ones have the magnitude 32767, times 2**s.
    """

    told: Shifted
    exponent: int
    peak: int
    at_the_end: int


def read_update(data: bytes) -> DecodedUpdate:
    """Return what an update blob says.

    Raises:
        FormatError: it is no update.
    """
    told, exponent = decode_update(data)
    return DecodedUpdate(told, exponent, told.peak, told.at_the_end)


def checked_reading(
    name: bytes,
    reading: DecodedUpdate,
    size: int,
    exponent: int,
    room: int,
    peak: int,
    saturated: int,
) -> Contribution:
    """Return what was read from a blob, checked as `checked_update` does.

    Args:
        name: the blob's digest.
        reading: what it says.
        size: d, how many coordinates the model has.
        exponent: e of the round.
        room: bits beyond 16 that the round has room for.
        peak: the largest magnitude that the author claimed.
        saturated: the count of saturated coordinates that the author claimed.

    Raises:
        FormatError: another size or exponent, or the claims are not true of it.
    """
    told = reading.told
    if told.values.size != size or reading.exponent != exponent:
        raise _refusal(f"{told.values.size} coordinates with exponent {reading.exponent}")
    if told.shift > room:
        raise _refusal(f"a shift of {told.shift} where the round has room for {room}")
    if (reading.peak, reading.at_the_end if told.shift == room else 0) != (peak, saturated):
        raise _refusal("its largest magnitude or its saturated count is not what was claimed")
    return contribution(name, told)


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
    shifts = tuple(one.shift for one in updates)
    end = counted(model.tensors) if any(shifts) or rule.name != FEDAVG.name else 0
    values = np.concatenate([one.told.before(end) for one in updates]).reshape(-1, size - end)
    stacked = Updates(
        values, weights, exponent, participants,
        tuple(one.digest for one in updates), scores, shifts if any(shifts) else (),
    )  # fmt: skip
    aggregate = _aggregate(rule, stacked, tolerate)
    if end:
        last = np.stack([one.units[size - end :] for one in updates]).astype(np.int64)
        aggregate = _with_end(rule, aggregate, last, weights, tolerate)
    return server_step(model, whole(aggregate, drawn), exponent, optimizer, settings)


def _with_end(
    rule: Rule, learned: Aggregate, last: NDArray[np.int64], weights: tuple[int, ...],
    tolerate: int,
) -> Aggregate:  # fmt: skip
    """Return an aggregate with what becomes of the last coordinates, which are whole numbers.

    They have the same mean; losses are borne by themselves where a rule bears updates.
    """
    if rule.name == FEDAVG.name:
        found = np.einsum("n,nt->t", np.array(weights, np.int64), last)
    else:
        found = borne(last, tolerate)
    return Aggregate(np.concatenate([learned.total, found]), learned.denominator)


def _aggregate(rule: Rule, updates: Updates, tolerate: int) -> Aggregate:
    """Return a rule's aggregate; a rule may be anybody's code, so what it gives is checked."""
    if not isinstance(rule, RowRule):
        updates = replace(updates, values=updates.units, shifts=())
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
