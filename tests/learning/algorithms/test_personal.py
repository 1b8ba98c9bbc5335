"""Layers that stay at their sites: which they are, and that nothing of them is ever sent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from collegium.learning.algorithms.personal import begun, own_coordinates
from collegium.learning.blobs import TensorSpec, decode_model
from collegium.learning.models import ModelSpec, initial_parameters, layers, size, tensors
from collegium.learning.safetensors import read_released
from collegium.ledger.blobs import read_blob
from collegium.simulation.execution import run
from collegium.study.document import Personalization
from collegium.study.refusal import Refusal

MLP = ModelSpec((3, 4, 2, 1), "ordinal", 0.0, gaps=2)


@pytest.mark.parametrize(("count", "own"), [(1, 3 + 2), (2, 3 + 2 + 10)])
def test_the_last_layers_are_a_sites_own_with_what_belongs_to_them(count: int, own: int) -> None:
    found = own_coordinates(tensors(MLP), Personalization(method="fedper", layers=count))
    assert found is not None
    assert found.tolist() == [False] * (size(MLP) - own) + [True] * own


def test_normalization_layers_are_a_sites_own_by_fedbn() -> None:
    shapes = {"block0.kernel": 3, "block0norm.bias": 2, "block0norm.scale": 2, "head.bias": 1}
    found = own_coordinates(
        [TensorSpec(name, (count,)) for name, count in shapes.items()],
        Personalization(method="fedbn"),
    )
    assert found is not None
    assert found.tolist() == [False] * 3 + [True] * 4 + [False]


@pytest.mark.parametrize(
    ("personal", "told"),
    [
        (Personalization(method="fedbn"), "fedper"),
        (Personalization(method="fedper", layers=3), "lower personalization.layers"),
    ],
)
def test_what_would_leave_nothing_own_or_nothing_shared_is_refused(
    personal: Personalization, told: str
) -> None:
    with pytest.raises(Refusal) as caught:
        own_coordinates(tensors(MLP), personal)
    assert told in caught.value.todo


def test_others_keep_no_coordinates() -> None:
    for personal in (None, Personalization(method="ditto", strength=1.0)):
        assert own_coordinates(tensors(MLP), personal) is None


def test_a_site_begins_with_its_own_part_once_it_has_one() -> None:
    shared, own = np.arange(3, dtype=np.float32), np.array([False, True, True])
    assert begun(shared, own, None).tolist() == [0, 1, 2]
    assert begun(shared, own, np.full(3, 9, np.float32)).tolist() == [0, 9, 9]


def test_fedper_shares_the_body_and_keeps_a_head_at_each_site(tmp_path: Path) -> None:
    changes = [
        "model.architecture=mlp", "model.hidden=[6]", "training.rounds=3",
        "personalization.method=fedper", "evaluation.bootstrap=0",
    ]  # fmt: skip
    result = run("heart", out=tmp_path / "run", changes=changes)
    data = read_blob(tmp_path / "run" / "blobs", bytes.fromhex(result.model))
    assert data is not None
    shared = decode_model(data).parameters
    spec = ModelSpec(((len(shared) - 13) // 6, 6, 1), "logistic", 0.0)
    first = initial_parameters(spec, result.study.study.seed)
    body, head = (part.size for part in layers(spec, first))
    assert np.array_equal(shared[body:], first[body:]), "no head was ever sent"
    assert not np.array_equal(shared[:body], first[:body])
    heads = set()
    for site in ("cleveland", "hungarian", "switzerland", "va"):
        path = tmp_path / "run" / "members" / site / "model" / "model.safetensors"
        own = read_released(path.read_bytes())[1]
        assert np.array_equal(own[:body], shared[:body])
        heads.add(own[body:].tobytes())
    assert len(heads) == 4
    assert head == 7
