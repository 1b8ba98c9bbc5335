"""An autoencoder: what it gives back, what its level means, and that it learns from normal rows."""

from __future__ import annotations

import numpy as np
import pytest
from tests.extras import needs

from collegium.data.table import Feature, Schema
from collegium.learning.model_choice import model_spec
from collegium.learning.models import ModelSpec, predict, size
from collegium.learning.networks.autoencoder import Autoencoder, held_out
from collegium.learning.networks.network import unpacked
from collegium.learning.trainer import TrainingJob
from collegium.study.document import Model, Training

jax = needs("jax")
NETWORK = Autoencoder(5, (4, 2, 4))
SPEC = ModelSpec((5, 1), "logistic", 0.0, network=NETWORK)
TRAINING = Training(rounds=1, learning_rate=0.1, batch_size=8, trainer="jax", momentum=0.9)

GENTLE = Training(rounds=1, learning_rate=0.02, batch_size=8, trainer="jax")


def normal(rows: int, seed: int = 0) -> np.ndarray:
    """Rows on a line through the origin, and a little beside it."""
    random = np.random.default_rng(seed)
    along = random.normal(size=(rows, 1)) @ np.array([[1.0, -1.0, 0.5, 2.0, 0.0]])
    found: np.ndarray = along + 0.1 * random.normal(size=(rows, 5))
    return found.astype(np.float32)


def job(rows: int, start: np.ndarray | None = None, site: str = "s") -> TrainingJob:
    first = NETWORK.initial(3) if start is None else start
    return TrainingJob(site, normal(rows), np.zeros(rows, np.int64), first, 1)


def test_it_is_what_a_study_names_for_two_classes_only() -> None:
    features = tuple(Feature(f"x{n}", "x", "numeric") for n in range(5))
    model = Model(architecture="autoencoder", hidden=(4, 2, 4))
    assert model_spec(model, Schema(features, "y", "binary", ("no", "yes"))) == SPEC
    with pytest.raises(Exception, match="cannot predict"):
        model_spec(model, Schema(features, "y", "multiclass", ("a", "b", "c")))


def test_layers_are_a_chain_and_the_code_is_linear() -> None:
    flat = np.random.default_rng(1).normal(size=size(SPEC)).astype(np.float32)
    t = unpacked(NETWORK.tensors, flat)
    x = normal(7)
    wide = np.maximum(x @ t["layer0.weight"] + t["layer0.bias"], 0)
    code = wide @ t["layer1.weight"] + t["layer1.bias"]
    wide = np.maximum(code @ t["layer2.weight"] + t["layer2.bias"], 0)
    back = wide @ t["layer3.weight"] + t["layer3.bias"]
    assert NETWORK.given_back(np, t, x) == pytest.approx(back, abs=1e-5)
    found = NETWORK.row_losses(np, t, x, None)
    assert found == pytest.approx(((back - x) ** 2).mean(axis=1), rel=1e-4)


def test_a_score_is_how_many_deviations_a_rows_error_lies_above_the_level() -> None:
    flat = NETWORK.with_level(NETWORK.initial(3), normal(400))
    z = NETWORK.outputs(flat, normal(400))[:, 0]
    assert z.mean() == pytest.approx(0, abs=1e-5)
    assert z.std() == pytest.approx(1, abs=1e-5)
    score = predict(SPEC, flat, normal(400))[:, 0]
    assert score == pytest.approx(1 / (1 + np.exp(-z)))
    assert (score >= 0.5).tolist() == (z >= 0).tolist()


def test_the_level_is_a_mean_over_sites_as_parameters_are() -> None:
    whole = normal(300)
    parts = [NETWORK.with_level(NETWORK.initial(3), part) for part in np.split(whole, 3)]
    together = NETWORK.with_level(NETWORK.initial(3), whole)
    assert np.mean(parts, axis=0) == pytest.approx(together, abs=1e-5)


@pytest.mark.parametrize(("rows", "apart"), [(1, 0), (2, 1), (5, 1), (8, 1), (9, 1), (80, 10)])
def test_an_eighth_of_the_rows_is_held_out(rows: int, apart: int) -> None:
    assert held_out(rows).sum() == apart


@jax
def test_what_is_learned_gives_normal_rows_back_and_no_others() -> None:
    from collegium.learning.jax_trainer import JAX

    network = Autoencoder(5, (16, 2, 16))
    spec = ModelSpec((5, 1), "logistic", 0.0, network=network)
    flat, rows = network.initial(3), normal(200)
    for number in range(1, 31):
        one = TrainingJob("s", rows, np.zeros(200, np.int64), flat, number)
        flat = JAX.train([one], spec, GENTLE, 1)[0]
    odd = np.random.default_rng(4).normal(size=(200, 5)).astype(np.float32)
    usual = predict(spec, flat, normal(200, seed=9))[:, 0]
    assert np.mean(predict(spec, flat, odd)[:, 0][:, None] > usual) > 0.95
    assert 0.9 < np.mean(usual < 0.88) < 1


@jax
def test_rows_that_are_held_out_are_not_trained_on() -> None:
    from collegium.learning.jax_trainer import JAX

    one = job(24)
    moved = one.x.copy()
    moved[held_out(24)] += 3.0
    other = TrainingJob(one.site, moved, one.y, one.start, 1)
    first, second = JAX.train([one, other], SPEC, TRAINING, 1)
    assert first[:-2].tobytes() == second[:-2].tobytes()
    assert first[-2] < second[-2]


@jax
@pytest.mark.parametrize("rows", [1, 2, 9])
def test_a_site_gets_the_same_bits_alone_and_beside_others_however_small(rows: int) -> None:
    from collegium.learning.jax_trainer import JAX

    jobs = [job(rows, site="a"), job(30, site="b")]
    whole = JAX.train(jobs, SPEC, TRAINING, 1)
    assert np.isfinite(whole).all()
    assert whole[0].tobytes() == JAX.train(jobs[:1], SPEC, TRAINING, 1)[0].tobytes()
