"""The network that a study names."""

from __future__ import annotations

from math import prod

from collegium.errors import StudyError
from collegium.learning.networks.autoencoder import Autoencoder
from collegium.learning.networks.convolution import Convolutional
from collegium.learning.networks.custom import CustomFunctions, CustomModule
from collegium.learning.networks.network import Network
from collegium.learning.networks.unet import UNet
from collegium.study.document import Model


def network_of(model: Model, inputs: int, outputs: int) -> Network:
    """Return the network that a study's ``[model]`` means, by its architecture.

    Raises:
        StudyError: the data have other inputs than it takes.
    """
    if model.architecture == "own":
        own = CustomModule if ":" in (model.code or "") else CustomFunctions
        return own(model.code or "", model.code_digest or "", inputs, outputs)
    if model.architecture == "autoencoder":
        return Autoencoder(inputs, model.hidden)
    shape = model.shape or ()
    if prod(shape) != inputs:
        raise StudyError(
            "model.shape", f"a row of shape {list(shape)} has {prod(shape)} values",
            f"the data have {inputs} inputs",
            f"choose model.shape so that its product is {inputs}",
        )  # fmt: skip
    if model.architecture == "unet":
        return UNet(shape[1], shape[2], model.channels or (), model.kernel or 3)
    return Convolutional(shape, model.channels or (), model.kernel or 5, model.hidden, outputs)
