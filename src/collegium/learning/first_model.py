"""Whether a registered first model is the one that its study document says.

Who chooses a model chooses what updates show: a first layer made for it gives rows away out of a
sum (Fowl, Geiping, Czaja, Goldblum and Goldstein, "Robbing the Fed", ICLR 2022; Boenisch et al.,
"When the Curious Abandon Honesty", EuroS&P 2023). So the first model follows from the seed, or is
named in the document by the digest of its released weights. All that is needed to tell is the
document and the model's own blob: sites, validators and auditors ask the same function.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from collegium.learning.blobs import AUXILIARY, ModelState, TensorSpec
from collegium.learning.initial import uniform_weights, weights_of_autoencoder
from collegium.learning.safetensors import released_bytes
from collegium.learning.server import ServerOptimizer, initial_state
from collegium.study.document import Study
from collegium.study.terms import agrees_by_statistics

Float32 = NDArray[np.float32]
Verdict = Literal["documented", "other", "unknown"]

NO_INPUTS = (TensorSpec("bias", (1,)),)
"""The model that a study of tables is registered with: it knows of no column yet."""

_UNITS = "layer{}.bias"


def first_model_is(
    study: Study,
    optimizer: ServerOptimizer,
    model: ModelState,
    *,
    begun: bool,
    own: Callable[[], Float32] | None = None,
) -> Verdict:
    """Return whether a model is the one that a document's study begins with, to the bit.

    Args:
        study: the document.
        optimizer: the registered server step, whose memory is part of the model.
        model: the registered one.
        begun: whether the inputs are known: a study of tables whose columns the document does not
            describe is registered before they are.
        own: runs the user's own code of an architecture "own", float32 [d].

    Returns:
        "unknown" where only running the user's own code could tell, and `own` is absent.
    """
    part = sum(one.size for one in model.tensors if not one.name.startswith(AUXILIARY))
    if agrees_by_statistics(study) and not begun:
        if model.tensors != NO_INPUTS:
            return "other"
        first: Float32 | None = np.zeros(1, np.float32)
    elif study.model.first is not None:
        if sha256(released_bytes(model)).hexdigest() != study.model.first.digest:
            return "other"
        first = model.parameters[:part]
    elif study.model.architecture == "own":
        first = None if own is None else own()
    else:
        first = _seeded(study, model.tensors)
        if first is None:
            return "other"
    if first is None:
        return "unknown"
    vector = np.zeros(model.parameters.size, np.float32)
    if first.size != part:
        return "other"
    vector[:part] = first
    settings = study.aggregation.server
    return (
        "documented"
        if _same(model, initial_state(model.tensors, vector, optimizer, settings))
        else "other"
    )


def _same(model: ModelState, expected: ModelState) -> bool:
    """Return whether two models of the same tensors have the same bits."""
    told = [(name, slot.tobytes()) for name, slot in model.slots]
    return (
        model.parameters.tobytes() == expected.parameters.tobytes()
        and (model.optimizer, model.step) == (expected.optimizer, expected.step)
        and told == [(name, slot.tobytes()) for name, slot in expected.slots]
    )


def _seeded(study: Study, tensors: tuple[TensorSpec, ...]) -> Float32 | None:
    """Return what the seed gives for tensors, float32 [d]; None for other layers than documented.

    It is what `models.initial_parameters` gives, of which a test makes sure.
    """
    own, seed = (
        tuple(one for one in tensors if not one.name.startswith(AUXILIARY)),
        study.study.seed,
    )
    architecture, hidden = study.model.architecture, study.model.hidden
    if architecture in ("cnn", "unet"):
        return uniform_weights(own, seed)
    shapes = {one.name: one.shape for one in own}
    if any(shapes.get(_UNITS.format(at)) != (units,) for at, units in enumerate(hidden)):
        return None
    if _UNITS.format(len(hidden)) not in shapes or _UNITS.format(len(hidden) + 1) in shapes:
        return None
    if architecture == "autoencoder":
        return weights_of_autoencoder(own, seed)
    return (
        uniform_weights(own, seed) if hidden else np.zeros(sum(one.size for one in own), np.float32)
    )
