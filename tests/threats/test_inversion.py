"""Gradient inversion: what single steps give away exactly, and what noise takes back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.commands import collegium, told

from collegium.learning.models import ModelSpec, initial_parameters, losses, size
from collegium.threats.inversion import (
    gradients,
    judged,
    label_of_one,
    matched,
    quotients,
)

SPECS = (ModelSpec((6, 1), "logistic", 0.0), ModelSpec((6, 9, 3), "multinomial", 0.0))


@pytest.mark.parametrize("spec", SPECS)
def test_gradients_are_those_of_the_loss(spec: ModelSpec) -> None:
    rng = np.random.default_rng(2)
    parameters = initial_parameters(spec, 1).astype(np.float64)
    parameters = (parameters + 0.2 * rng.standard_normal(size(spec))).astype(np.float32)
    x = rng.standard_normal((4, 6)).astype(np.float32)
    y = rng.integers(0, max(2, spec.widths[-1]), 4)
    targets = y[:, None] if spec.loss == "logistic" else np.eye(3)[y]
    found = gradients(spec, parameters.astype(np.float64), x[None].astype(np.float64),
                      targets[None].astype(np.float64))[0]  # fmt: skip
    for index in range(0, size(spec), 5):
        sides = []
        for sign in (1, -1):
            moved = parameters.astype(np.float64)
            moved[index] += sign * 1e-2
            sides.append(losses(spec, moved.astype(np.float32), x, y).mean())
        assert found[index] == pytest.approx((sides[0] - sides[1]) / 2e-2, abs=2e-3)


@pytest.mark.parametrize("spec", SPECS)
def test_one_row_is_given_away_with_its_label(spec: ModelSpec) -> None:
    rng = np.random.default_rng(7)
    parameters = initial_parameters(spec, 3).astype(np.float64)
    for label in range(2):
        x = rng.standard_normal((1, 1, 6))
        y = np.array([[[label]]], float) if spec.loss == "logistic" else np.eye(3)[[[label]]]
        gradient = gradients(spec, parameters, x, y)[0]
        assert quotients(spec, gradient) == pytest.approx(np.broadcast_to(x[0], quotients(
            spec, gradient).shape), abs=1e-9)  # fmt: skip
        assert label_of_one(spec, gradient) == label


def test_matching_finds_the_row_that_a_gradient_came_from() -> None:
    spec, rng = SPECS[1], np.random.default_rng(5)
    parameters = initial_parameters(spec, 3).astype(np.float64)
    x, y = rng.standard_normal((1, 1, 6)), np.eye(3)[[[1]]]
    gradient = gradients(spec, parameters, x, y)[0]
    found = matched(spec, parameters, gradient, y[0], by="angle", steps=400, rng=rng)
    assert np.square(found - x[0]).mean() < 0.05


def test_a_row_is_identified_where_nobody_else_is_nearer() -> None:
    everybody = np.array([[0.0, 0.0], [1.0, 1.0], [4.0, 4.0]])
    near, far = np.array([[0.2, 0.1]]), np.array([[3.0, 3.0]])
    told_ = judged("any", [near, far], [np.array([0]), np.array([1])], everybody)
    assert (told_.rows, told_.identified) == (2, 0.5)
    assert judged("any", [np.zeros((0, 2))], [np.array([0])], everybody).identified == 0.0


def test_rows_are_rebuilt_from_the_command_line_and_not_through_noise(tmp_path: Path) -> None:
    private = "privacy.differential_privacy={unit='patient', epsilon=8.0, delta=1e-5}"
    arguments = ["bench", "inversion", "heart", "--trials", "3"]
    plain = told(collegium(*arguments, "--json", cwd=tmp_path))
    assert plain["attacks"][0]["identified"] == plain["labels"] == 1.0
    noised = told(collegium(*arguments, "--set", private, "--json", cwd=tmp_path))
    assert noised["attacks"][0]["identified"] < 1.0
    text = collegium(*arguments, "--batch", "2", cwd=tmp_path).stdout
    assert "a step over 2 rows, plain" in text
    refused = collegium(*arguments, "--batch", "64", "--set", "data.split.test=0.9", cwd=tmp_path)
    assert "bench.batch" in refused.stderr


def test_a_sum_hides_rows_until_all_others_collude(tmp_path: Path) -> None:
    masked = "privacy.secure_aggregation={protocol='secagg'}"
    arguments = ["bench", "inversion", "heart", "--trials", "6", "--set", masked, "--json"]
    hidden = told(collegium(*arguments, cwd=tmp_path))
    assert hidden["together"] == 4
    assert hidden["labels"] is None
    assert max(one["identified"] for one in hidden["attacks"]) < 0.5
    open_ = told(collegium(*arguments, "--colluders", "3", cwd=tmp_path))
    assert open_["together"] == 1
    assert open_["attacks"][0]["identified"] == open_["labels"] == 1.0
    most = collegium(*arguments, "--colluders", "4", cwd=tmp_path)
    assert "choose at most 3" in most.stderr
    plain = collegium("bench", "inversion", "heart", "--colluders", "1", cwd=tmp_path)
    assert "leave --colluders out" in plain.stderr


def test_pictures_are_told_with_what_people_see_of_them(tmp_path: Path) -> None:
    arguments = ["bench", "inversion", "lungs", "--trials", "1", "--epochs", "2"]
    done = collegium(*arguments, cwd=tmp_path)
    if "[data.not-here]" in done.stderr:
        pytest.skip("the pictures are not here; COLLEGIUM_DATA names a folder with them")
    text = done.stdout
    assert "2 local steps over 1 rows, plain" in text
    assert "quotients of the first layer: 100 % of 1 rows identified" in text
    assert "SSIM" in text
    assert "guessing would identify" in text
