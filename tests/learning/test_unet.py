"""A U-Net: its shape, what it keeps beside, its loss, and how its marks are measured."""

from __future__ import annotations

import numpy as np
import pytest
from tests.extras import needs

from collegium.data.table import Feature, Schema
from collegium.errors import DataError, StudyError
from collegium.learning.evaluation.metrics import measure
from collegium.learning.evaluation.overlap import overlap_losses
from collegium.learning.model_choice import model_spec
from collegium.learning.models import ModelSpec, losses, predict, size
from collegium.learning.networks.network import penalized, unpacked
from collegium.learning.networks.unet import UNet
from collegium.learning.trainer import TrainingJob
from collegium.study.document import Model, Training
from collegium.study.reading import read_study

jax = needs("jax")
NETWORK = UNet(4, 8, (4, 4), 3)
DEEP = UNet(4, 8, (2, 4, 6), 3)
SPEC = ModelSpec((32, 32), "overlap", 0.0, network=NETWORK)


def images(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, 32)).astype(np.float32)
    return x, (x > 0.7).astype(np.float32)


def started(seed: int = 3) -> np.ndarray:
    """Parameters whose biases are not zero either."""
    random = np.random.default_rng(seed)
    flat: np.ndarray = NETWORK.initial(seed) + 0.1 * random.normal(size=size(SPEC))
    return flat.astype(np.float32)


def test_it_is_what_a_study_names_for_images() -> None:
    schema = Schema(tuple(Feature(f"p{n}", "p", "numeric") for n in range(32)), "m", "segmentation")
    model = Model(architecture="unet", shape=(1, 4, 8), channels=(4, 4))
    assert model_spec(model, schema) == SPEC
    with pytest.raises(StudyError, match="cannot predict"):
        model_spec(Model(architecture="mlp", hidden=(3,)), schema)
    with pytest.raises(StudyError, match="has 64 values"):
        model_spec(Model(architecture="unet", shape=(1, 8, 8), channels=(2, 4)), schema)


def test_tensors_are_sorted_and_those_on_the_way_up_see_both_sides() -> None:
    tensors = DEEP.tensors
    names = [one.name for one in tensors]
    assert names == sorted(names)
    shapes = {one.name: one.shape for one in tensors}
    assert shapes["down0.weight"] == (3, 3, 1, 2)
    assert shapes["up1.weight"] == (3, 3, 6 + 4, 4)
    assert shapes["up0.weight"] == (3, 3, 4 + 2, 2)
    assert shapes["last.weight"] == (2, 1)


def test_the_forward_pass_is_that_of_loops() -> None:
    x, _ = images(3)
    flat = DEEP.initial(3) + np.float32(0.1) * np.arange(DEEP.initial(3).size) % np.float32(0.3)
    t = unpacked(DEEP.tensors, flat.astype(float))

    def staged(name: str, values: np.ndarray) -> np.ndarray:
        weight, out = t[f"{name}.weight"], np.zeros((*values.shape[:2], t[f"{name}.bias"].size))
        for down in range(values.shape[0]):
            for across in range(values.shape[1]):
                for i in range(3):
                    for j in range(3):
                        a, b = down + i - 1, across + j - 1
                        if 0 <= a < values.shape[0] and 0 <= b < values.shape[1]:
                            out[down, across] += values[a, b] @ weight[i, j]
        out += t[f"{name}.bias"]
        groups = 4 if out.shape[2] % 4 == 0 else 1
        for group in np.split(np.arange(out.shape[2]), groups):
            part = out[:, :, group]
            out[:, :, group] = (part - part.mean()) / np.sqrt(part.var() + 1e-5)
        return np.asarray(np.maximum(out * t[f"{name}norm.scale"] + t[f"{name}norm.bias"], 0))

    def pooled(values: np.ndarray) -> np.ndarray:
        height, width, channels = values.shape
        pairs = values.reshape(height // 2, 2, width // 2, 2, channels)
        return np.asarray(pairs.max(axis=(1, 3)))

    def wider(values: np.ndarray) -> np.ndarray:
        return np.asarray(np.kron(values, np.ones((2, 2, 1))))

    for row, found in zip(x, DEEP.outputs(flat, x), strict=True):
        first = staged("down0", row.reshape(4, 8, 1).astype(float))
        second = staged("down1", pooled(first))
        third = staged("down2", pooled(second))
        up = staged("up1", np.concatenate([wider(third), second], axis=2))
        up = staged("up0", np.concatenate([wider(up), first], axis=2))
        assert found == pytest.approx((up @ t["last.weight"] + t["last.bias"]).ravel(), rel=1e-9)


def test_dice_and_iou_are_means_over_images() -> None:
    y = np.array([[1, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]], np.float32)
    scores = np.array([[0.9, 0.1, 0.6, 0.2], [0.1] * 4, [0.1] * 4, [0.9, 0.1, 0.1, 0.1]])
    found = measure("segmentation", y, scores, 0.5)
    assert found["dice"] == pytest.approx((2 / 4 + 1 + 0 + 0) / 4)
    assert found["iou"] == pytest.approx((1 / 3 + 1 + 0 + 0) / 4)
    assert measure("segmentation", y, scores, 0.05)["dice"] == pytest.approx(
        (2 * 2 / 6 + 2 / 5) / 4
    )


@pytest.mark.parametrize(
    ("y", "scores"), [((2, 4), (2, 3)), ((4,), (4, 1)), ((0, 4), (0, 4)), ((2, 2, 2), (2, 2, 2))]
)
def test_scores_that_are_no_masks_are_refused(y: tuple[int, ...], scores: tuple[int, ...]) -> None:
    with pytest.raises(DataError) as caught:
        measure("segmentation", np.zeros(y, np.float32), np.full(scores, 0.5))
    assert caught.value.code == "data.scores"


def test_the_loss_is_cross_entropy_and_what_is_missing_to_a_soft_dice() -> None:
    outputs, y = np.array([[0.0, 2.0, -1.0]]), np.array([[1.0, 1.0, 0.0]])
    risk = 1 / (1 + np.exp(-outputs[0]))
    surprise = -np.mean(np.log([risk[0], risk[1], 1 - risk[2]]))
    dice = (2 * (risk[0] + risk[1]) + 1) / (risk.sum() + 2 + 1)
    assert overlap_losses(np, outputs, y) == pytest.approx([surprise + 1 - dice])


@jax
def test_a_step_follows_the_slope_of_the_loss() -> None:
    from collegium.learning.jax_trainer import JAX

    spec = ModelSpec((32, 32), "overlap", 0.05, network=NETWORK)
    x, y = images(6)
    one = TrainingJob("s", x, y, started(), 1)
    training = Training(rounds=1, learning_rate=1.0, batch_size=6, trainer="jax")
    step = one.start - JAX.train([one], spec, training, 0)[0]
    weights = penalized(NETWORK.tensors)

    def objective(flat: np.ndarray) -> float:
        penalty = spec.l2 / 2 * np.square(flat[weights], dtype=np.float64).sum()
        return float(losses(spec, flat, x, y).mean() + penalty)

    for place in np.random.default_rng(2).integers(0, size(spec), 25):
        up, down = one.start.copy(), one.start.copy()
        up[place] += np.float32(1e-4)
        down[place] -= np.float32(1e-4)
        slope = (objective(up) - objective(down)) / (float(up[place]) - float(down[place]))
        assert step[place] == pytest.approx(slope, abs=3e-3)


@jax
def test_it_learns_and_a_site_gets_the_same_bits_alone_and_beside_others() -> None:
    from collegium.learning.jax_trainer import JAX

    (x, y), (other, mask) = images(6), images(6, seed=1)
    jobs = [
        TrainingJob("a", x, y, NETWORK.initial(1), 1),
        TrainingJob("b", other, mask, NETWORK.initial(1), 1),
    ]
    training = Training(
        rounds=1, learning_rate=0.1, batch_size=6, trainer="jax", momentum=0.9, local_epochs=60
    )
    whole = JAX.train(jobs, SPEC, training, 1)
    assert whole[0].tobytes() == JAX.train(jobs[:1], SPEC, training, 1)[0].tobytes()
    found = measure("segmentation", y, predict(SPEC, whole[0], x))
    assert (found["dice"] or 0) > 0.8


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("model.shape=[32, 32]", "[1, 64, 64]"),
        ("model.shape=[3, 16, 16]", "[1, 64, 64]"),
        ("model.channels=[8]", "[8, 16, 32]"),
        ("model.channels=[2, 2, 2, 2, 2, 2, 2]", "fewer levels"),
        ("model.kernel=4", "3 or 5"),
        ("model.hidden=[4]", "remove hidden"),
        ("training.trainer=dense", "'jax'"),
    ],
)
def test_what_is_no_unet_is_refused(change: str, told: str) -> None:
    with pytest.raises(StudyError) as caught:
        read_study("phantoms", [change])
    assert told in caught.value.todo
