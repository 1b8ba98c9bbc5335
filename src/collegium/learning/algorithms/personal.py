"""Personal models: what of a model, or beside it, stays at a site and is its own.

- ``fedper``: the last layers (Arivazhagan, Aggarwal, Singh and Choudhary, "Federated Learning with
  Personalization Layers", 2019, algorithm 1, trained together with the others).
- ``fedbn``: the normalization layers (Li, Jiang, Zhang, Kamp and Dou, "FedBN", ICLR 2021).
- ``ditto``: a model of the site's own, drawn towards the shared one by strength / 2 times the
  squared distance (Li, Hu, Beirami and Smith, "Ditto", ICML 2021, algorithm 1).
- ``fine_tuning``: the final model, trained on for some epochs at the site.

Coordinates that stay at a site are zero in what it sends, so the shared model keeps its first
values there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from collegium.learning.blobs import TensorSpec
from collegium.study.document import Personalization
from collegium.study.refusal import Refusal

Float32 = NDArray[np.float32]

KEEPS = ("ditto", "fedbn", "fedper")
"""Methods whose sites keep something from round to round."""


def own_coordinates(
    tensors: Sequence[TensorSpec], personal: Personalization | None
) -> NDArray[np.bool_] | None:
    """Return which coordinates of a model stay at their site, bool [d]; None for none.

    Raises:
        Refusal: the model has no such layers, or no others.
    """
    if personal is None or personal.method not in ("fedper", "fedbn"):
        return None
    names = _layers(tensors)
    layers = list(dict.fromkeys(names))
    if personal.method == "fedbn":
        own = [name for name in layers if "norm" in name]
        if not own:
            raise _refusal(
                "method",
                "fedbn needs normalization layers, and this model has none",
                "they are what stays at a site",
                "choose an architecture that has them, or personalization.method = 'fedper'",
            )
    else:
        count = 1 if personal.layers is None else personal.layers
        if count >= len(layers):
            raise _refusal(
                "layers",
                f"{count} layers are to stay at their sites, of {len(layers)}",
                "something must be shared",
                "lower personalization.layers, or add a hidden layer",
            )
        own = layers[-count:]
    return np.concatenate(
        [np.full(one.size, name in own) for one, name in zip(tensors, names, strict=True)]
    )


def _layers(tensors: Sequence[TensorSpec]) -> list[str]:
    """Return the layer of each tensor; an ordinal model's gaps are of its last one."""
    names: list[str] = []
    for one in tensors:
        name = one.name.partition(".")[0]
        names.append(names[-1] if name == "threshold_gaps" else name)
    return names


def begun(shared: Float32, own: NDArray[np.bool_] | None, kept: Float32 | None) -> Float32:
    """Return where a site begins: the shared model with its own coordinates in it, float32 [d]."""
    return shared if own is None or kept is None else np.where(own, kept, shared)


def _refusal(key: str, what: str, why: str, todo: str) -> Refusal:
    return Refusal(("personalization", key), "study.combination", what, why, todo)
