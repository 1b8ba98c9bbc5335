"""A site's part of a round: which training it does, what it sends of it, what it keeps.

A leg is one run of local descent. All legs of a round at once are a matter of the trainer; what
comes before and after is the same for every trainer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from collegium.learning.aggregation import stopping
from collegium.learning.algorithms import control, normalized
from collegium.learning.algorithms.layout import model_part
from collegium.learning.algorithms.personal import KEEPS, begun, own_coordinates
from collegium.learning.algorithms.schedule import rate_at, training_at
from collegium.learning.models import ModelSpec, tensors
from collegium.study.document import Study, Training
from collegium.study.privacy import follows
from collegium.study.searching import held_out

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Kept = Mapping[str, Float32 | None]
"""What a site kept by kind, float32 [d]; None where it has kept nothing of the kind yet."""


class DescentRun(msgspec.Struct, frozen=True, eq=False):
    """One run of local descent.

    Attributes:
        training: how.
        start: float32 [d].
        anchor: float32 [d], what a proximal term draws to.
        correction: float32 [d], added to every gradient; None for nothing.
    """

    training: Training
    start: Float32
    anchor: Float32
    correction: Float32 | None = None


class LocalRound(msgspec.Struct, frozen=True):
    """A site's turn in a round.

    Attributes:
        number: of the round in its trial.
        exponent: e of its encoding.
        participants: how many sites take part in the round.
        sites: how many the study has.
        rows: the site's training rows.
        loss: returns the mean loss of the round's model on the site's rows that are held out,
            None where there are none.
    """

    number: int
    exponent: int
    participants: int
    sites: int
    rows: int
    loss: Callable[[], float | None]


class LocalResult(msgspec.Struct, frozen=True, eq=False):
    """What comes of a site's turn.

    Attributes:
        step: float64 [D], what it adds to the study's vector, to be encoded.
        keep: returns what it keeps, by kind, from the step as it was encoded, float64 [D].
    """

    step: Float64
    keep: Callable[[Float64], dict[str, Float32]]


def kinds(study: Study) -> tuple[str, ...]:
    """Return the kinds of vectors that a study's sites keep from round to round."""
    found = ["control"] if study.training.algorithm == "scaffold" else []
    if study.personalization is not None and study.personalization.method in KEEPS:
        found.append("personal")
    return tuple(found)


def legs(
    study: Study, spec: ModelSpec, number: int, vector: Float32, kept: Kept
) -> list[DescentRun]:
    """Return the training that a site does in a round: of the shared model, then of its own.

    Args:
        study: the document.
        spec: its model.
        number: of the round.
        vector: float32 [D], the study's vector as the round begins.
        kept: what the site has kept.
    """
    training, personal = training_at(study.training, number), study.personalization
    shared, shift = model_part(spec, vector), None
    if training.algorithm == "scaffold":
        rate = study.training.learning_rate
        shift = control.correction(vector[len(shared) : 2 * len(shared)], kept["control"], rate)
    own = None if personal is None else own_coordinates(tensors(spec), personal)
    start = begun(shared, own, kept.get("personal"))
    found = [DescentRun(training, start, start, shift)]
    if personal is not None and personal.method == "ditto":
        mine = kept["personal"]
        drawn = replace(training, fedprox_mu=personal.strength or 0.0)
        found.append(DescentRun(drawn, shared if mine is None else mine, shared))
    return found


def outcome(
    study: Study, spec: ModelSpec, turn: LocalRound, vector: Float32, kept: Kept,
    trained: tuple[Float32, ...],
) -> LocalResult:  # fmt: skip
    """Return what a site sends and keeps after its legs, each float32 [d].

    Raises:
        RunError: it cannot be told.
    """
    done = _trained(study, spec, turn, vector, kept, trained)
    if follows(study):  # what clips the update tells whether it was within the clip
        return LocalResult(np.append(done.step, 0.0), done.keep)
    if held_out(study) is None:
        return done
    return LocalResult(
        np.concatenate([done.step, stopping.shared(turn.loss(), turn.exponent)]), done.keep
    )


def _trained(
    study: Study, spec: ModelSpec, turn: LocalRound, vector: Float32, kept: Kept,
    trained: tuple[Float32, ...],
) -> LocalResult:  # fmt: skip
    personal, training = study.personalization, study.training
    shared = model_part(spec, vector)
    own = None if personal is None else own_coordinates(tensors(spec), personal)
    moved = trained[0].astype(np.float64)
    moved -= shared
    mine: dict[str, Float32] = {}
    if own is not None:
        moved[own] = 0.0
        mine = {"personal": trained[0]} if np.isfinite(trained[0]).all() else {}
    elif len(trained) > 1 and np.isfinite(trained[1]).all():
        mine = {"personal": trained[1]}
    if training.algorithm == "scaffold":
        return _controlled(training, turn, vector, kept["control"], moved, mine)
    if training.algorithm == "fednova":
        rate = rate_at(training, turn.number)
        weight = normalized.gradient_weight(
            steps_of(training, turn.rows), training.momentum, rate * training.fedprox_mu
        )
        return LocalResult(normalized.step(moved, weight, turn.exponent), lambda _: mine)
    return LocalResult(moved, lambda _: mine)


def _controlled(
    training: Training, turn: LocalRound, vector: Float32, own: Float32 | None, moved: Float64,
    mine: dict[str, Float32],
) -> LocalResult:  # fmt: skip
    rate, share = training.learning_rate, turn.participants / turn.sites
    second = slice(len(moved), 2 * len(moved))
    change = control.step(
        moved, vector[second], steps=steps_of(training, turn.rows),
        local_rate=rate_at(training, turn.number), rate=rate, share=share,
    )  # fmt: skip

    def keep(sent: Float64) -> dict[str, Float32]:
        return {**mine, "control": control.kept(own, sent[second], rate=rate, share=share)}

    return LocalResult(np.concatenate([moved, change]), keep)


def steps_of(training: Training, rows: int) -> int:
    """Return how many local steps a round has at a site."""
    return training.local_epochs * -(-rows // training.batch_size)


def model_in_use(
    study: Study, spec: ModelSpec, vector: Float32, kept: Kept, tuned: Callable[[], Float32]
) -> Float32:
    """Return the model that a site uses once a study's vector is final, float32 [d].

    Args:
        study: the document.
        spec: its model.
        vector: float32 [D].
        kept: what the site has kept.
        tuned: trains the final model on at the site.
    """
    personal, shared = study.personalization, model_part(spec, vector)
    if personal is None:
        return shared
    if personal.method == "fine_tuning":
        return tuned()
    mine = kept["personal"]
    if personal.method == "ditto":
        return shared if mine is None else mine
    return begun(shared, own_coordinates(tensors(spec), personal), mine)


def model_measured(study: Study, spec: ModelSpec, vector: Float32, kept: Kept) -> Float32:
    """Return the model whose loss on rows held out a site tells, float32 [d].

    That is the one that it would use now, before any fine-tuning.
    """
    return model_in_use(study, spec, vector, kept, lambda: model_part(spec, vector))


def tuning(study: Study) -> Training:
    """Return how the final model is trained on at a site: at the last round's rate."""
    training = training_at(study.training, study.training.rounds)
    personal = study.personalization
    epochs = training.local_epochs if personal is None else personal.epochs
    return replace(training, local_epochs=epochs or training.local_epochs)
