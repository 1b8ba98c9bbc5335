"""Whether a study's architecture, its settings and its trainer go together."""

from __future__ import annotations

import re

from collegium.study.document import FirstModel, Study
from collegium.study.notice import Notice
from collegium.study.refusal import Refusal, dotted
from collegium.study.terms import OWN_SERVER
from collegium.study.texts import check_text

TRAINERS: dict[str, tuple[str, ...]] = {
    "cnn": ("jax",), "own": ("jax", "torch"), "autoencoder": ("jax",),
    "unet": ("jax",),
}  # fmt: skip
"""The trainers of architectures that are no layers of units; the others are the dense trainer's."""

ODDITIES = ("autoencoder",)
"""Architectures whose scores say how odd a row is, and are no probabilities."""

_TAKES = {
    "hidden": ("mlp", "cnn", "autoencoder"),
    "shape": ("cnn", "unet"),
    "channels": ("cnn", "unet"),
    "kernel": ("cnn", "unet"),
    "code": ("own",),
    "code_digest": ("own",),
}


def about_network(study: Study) -> tuple[Notice, ...]:
    """Return what the owner should know of what a model's scores mean."""
    if study.model.architecture not in ODDITIES:
        return ()
    return (Notice("note", "study.no-probabilities"),)


def check_network(study: Study) -> None:
    """Refuse an architecture with settings or a trainer that are not its own.

    Raises:
        Refusal: with what would go together.
    """
    model, trainer = study.model, study.training.trainer
    fitting = TRAINERS.get(model.architecture)
    if trainer in ("jax", "torch") and fitting is None:
        raise _combination(
            ("training", "trainer"), f"{trainer} does not train {model.architecture}",
            "it trains networks that are no layers of units",
            "set training.trainer = 'dense'",
        )  # fmt: skip
    if fitting is not None and trainer not in fitting:
        raise _combination(
            ("training", "trainer"), f"{trainer} does not train {model.architecture}",
            f"{' or '.join(fitting)} does",
            f"set training.trainer = {' or '.join(map(repr, fitting))}",
        )  # fmt: skip
    for key, architectures in _TAKES.items():
        value = getattr(model, key)
        if value not in (None, ()) and model.architecture not in architectures:
            raise _combination(
                ("model", key), f"a {model.architecture} model takes no {key}",
                f"only {' and '.join(architectures)} does",
                f"remove {key}, or choose architecture = {architectures[0]!r}",
            )  # fmt: skip
    if model.architecture == "mlp" and not model.hidden:
        raise _combination(
            ("model", "hidden"), "an mlp needs hidden layers", "without any it is logistic",
            "add hidden = [32], or choose another architecture",
        )  # fmt: skip
    if model.architecture == "cnn":
        _check_cnn(study)
    if model.architecture == "unet":
        _check_unet(study)
    if model.architecture == "autoencoder":
        _check_autoencoder(study)
    _check_augmentation(study)
    if model.architecture == "own":
        _check_own(study)
    if model.first is not None:
        _check_first(model.first)


def _check_cnn(study: Study) -> None:
    model = study.model
    if model.shape is None or len(model.shape) not in (2, 3):
        raise _combination(
            ("model", "shape"), "a cnn needs the shape of a row",
            "channels, then the length of a signal, or the height and width of an image",
            "add shape = [6, 128], or shape = [1, 64, 64]",
        )  # fmt: skip
    if not model.channels or len(model.channels) > 9:
        raise _combination(
            ("model", "channels"), "a cnn needs the channels of its stages", "one to nine of them",
            "add channels = [16, 32]",
        )  # fmt: skip
    _check_kernel(study)


def _check_autoencoder(study: Study) -> None:
    if not study.model.hidden:
        raise _combination(
            ("model", "hidden"), "an autoencoder needs hidden layers",
            "a row must go through a layer narrower than itself", "add hidden = [32, 8, 32]",
        )  # fmt: skip
    training, server = study.training, study.aggregation.server
    averaged = "the level of normal errors is the mean of what the sites measured, as it is"
    for path, wrong, todo in (
        (("training", "algorithm"), training.algorithm in OWN_SERVER, "remove training.algorithm"),
        (
            ("aggregation", "server"), (server.optimizer, server.learning_rate) != ("none", 1.0),
            "set aggregation.server = { optimizer = 'none' }",
        ),
        (
            ("training", "site_momentum"), bool(training.site_momentum),
            "remove site_momentum; training.momentum can be used",
        ),
        (
            ("privacy", "differential_privacy"), study.privacy.differential_privacy is not None,
            "remove it, or choose another architecture",
        ),
        (
            ("personalization", "method"),
            study.personalization is not None and study.personalization.method == "fedper",
            "set personalization.method = 'ditto' or 'fine_tuning'",
        ),
        (
            ("training", "early_stopping"), training.early_stopping is not None,
            "remove early_stopping",
        ),
        (("search",), study.search is not None, "remove [search]"),
    ):  # fmt: skip
        if wrong:
            what = f"an autoencoder does not go with {dotted(path)} as it is set"
            raise _combination(path, what, averaged, todo)


def _check_augmentation(study: Study) -> None:
    model, asked = study.model, study.training.augmentation
    if asked is None:
        return
    path = ("training", "augmentation")
    if model.architecture != "cnn" or model.shape is None:
        raise _combination(
            path, f"the rows of a {model.architecture} model are not augmented",
            "what stands beside what in a row is known of a cnn's alone", "remove it",
        )  # fmt: skip
    if asked.rotation and (len(model.shape) != 2 or model.shape[0] % 3):
        raise _combination(
            (*path, "rotation"), f"rows of shape {list(model.shape)} cannot be turned in space",
            "a signal with three axes a sensor can: its channels are a multiple of three",
            "set rotation = 0.0",
        )  # fmt: skip


def _check_unet(study: Study) -> None:
    model = study.model
    if model.shape is None or len(model.shape) != 3 or model.shape[0] != 1:
        raise _combination(
            ("model", "shape"), "a unet needs the shape of an image", "one channel, height, width",
            "add shape = [1, 64, 64]",
        )  # fmt: skip
    if not model.channels or len(model.channels) < 2:
        raise _combination(
            ("model", "channels"), "a unet needs the channels of its levels", "two to nine of them",
            "add channels = [8, 16, 32]",
        )  # fmt: skip
    times = 2 ** (len(model.channels) - 1)
    if model.shape[1] % times or model.shape[2] % times:
        raise _combination(
            ("model", "channels"), f"{len(model.channels)} levels do not fit {list(model.shape)}",
            f"each level but the lowest halves the image: its sides are multiples of {times}",
            "give channels for fewer levels",
        )  # fmt: skip
    _check_kernel(study)


def _check_kernel(study: Study) -> None:
    kernel = study.model.kernel
    if kernel is not None and kernel % 2 == 0:
        raise _combination(
            ("model", "kernel"), f"a kernel of {kernel} has no middle", "it is odd",
            "choose 3 or 5",
        )  # fmt: skip


def _check_own(study: Study) -> None:
    model = study.model
    if not model.code:
        raise _combination(
            ("model", "code"), "an own model needs its code", "a module, or a class in one",
            "add code = 'mynet', or code = 'mynet:Net'",
        )  # fmt: skip
    named = ":" in model.code
    if named != (study.training.trainer == "torch"):
        raise _combination(
            ("model", "code"), f"{model.code[:60]!r} is not what {study.training.trainer} takes",
            "jax takes a module with init and apply, torch a class of one",
            "write code = 'mynet' for jax, code = 'mynet:Net' for torch",
        )  # fmt: skip
    if model.code_digest is None or not re.fullmatch("[0-9a-f]{64}", model.code_digest):
        raise _combination(
            ("model", "code_digest"), "an own model needs the SHA-256 of its file",
            "sites run that file and no other, and only where their policy allows it",
            f"add code_digest, 64 hexadecimal digits, as `sha256sum {model.code.split(':')[0]}.py`"
            " prints them",
        )  # fmt: skip


def _check_first(first: FirstModel) -> None:
    if not re.fullmatch("[0-9a-f]{64}", first.digest):
        raise _combination(
            ("model", "first", "digest"), "a first model needs the SHA-256 of its file",
            "sites start from that model and no other, and only where their policy allows it",
            "add digest, 64 hexadecimal digits, as `sha256sum model.safetensors` prints them",
        )  # fmt: skip
    check_text(("model", "first", "origin"), first.origin, 500)


def _combination(path: tuple[str, ...], what: str, why: str, todo: str) -> Refusal:
    return Refusal(path, "study.combination", what, why, todo)
