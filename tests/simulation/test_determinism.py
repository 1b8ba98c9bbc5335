"""The same study ends in the same bytes: twice, on more threads, hashed otherwise, one by one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from tests.commands import environment

from collegium.assembly.preparation import prepare
from collegium.federation.local_trainers import LocalTrainers
from collegium.learning.algorithms.layout import starting_vector
from collegium.simulation.execution import run
from collegium.study.reading import read_study

SHORT = ("training.rounds=3", "evaluation.bootstrap=0")
MLP = ("model.architecture=mlp", "model.hidden=[16, 8]")

STUDIES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "logistic": ("heart", ()),
    "mlp": ("heart", MLP),
    "wide mlp": ("heart", ("model.architecture=mlp", "model.hidden=[256]", "training.rounds=2")),
    "ten sites": ("heart10", ()),
    "momentum and fedprox": ("heart", ("training.momentum=0.9", "training.fedprox_mu=0.1")),
    "half of the sites": ("heart10", ("training.client_fraction=0.5", "training.local_epochs=2")),
    "server adam": (
        "heart",
        ("aggregation.server.optimizer=adam", "aggregation.server.learning_rate=0.05"),
    ),
    "dropout": ("heart10", ("faults.dropout=0.2",)),
    "carried momentum under attack": (
        "heart10",
        (
            "training.site_momentum=0.9",
            "aggregation.rule=nnm+trimmed_mean",
            "aggregation.tolerate=2",
            "threat.attack=alie",
            "threat.attackers=2",
        ),
    ),
    "control variates and models of their own": (
        "heart10",
        (
            "training.algorithm=scaffold",
            "aggregation.weights=equal",
            "personalization.method=ditto",
            "personalization.strength=0.1",
        ),
    ),
    "steps normalized, in turn": (
        "heart10",
        (
            "training.algorithm=fednova",
            "training.participation=cyclic",
            "training.client_fraction=0.5",
            "training.schedule={ kind = 'cosine' }",
        ),
    ),
    "heads of their own": ("heart", (*MLP, "personalization.method=fedper")),
    "equal weights": ("heart10", ("aggregation.weights=equal", "aggregation.exponent=10")),
}

RUN_ALL = """
import json, sys
from pathlib import Path
from collegium.simulation.execution import run
for name, (preset, changes) in json.loads(sys.argv[2]).items():
    found = run(preset, out=Path(sys.argv[1]) / name, changes=changes)
    print(json.dumps([name, found.model, found.app_hash]))
"""

Ends = dict[str, tuple[str, str]]
"""Model digest and application hash by study."""


def studies() -> dict[str, tuple[str, tuple[str, ...]]]:
    return {name: (preset, (*SHORT, *changes)) for name, (preset, changes) in STUDIES.items()}


def ends_elsewhere(folder: Path, **variables: str) -> Ends:
    """What all studies end in when another process runs them with other variables set."""
    shown = subprocess.run(
        [sys.executable, "-c", RUN_ALL, folder, json.dumps(studies())],
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=True,
    )
    return {
        name: (model, app_hash)
        for name, model, app_hash in map(json.loads, shown.stdout.splitlines())
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("here")


@pytest.fixture(scope="module")
def ends_here(folder: Path) -> Ends:
    """What all studies end in when this process runs them."""
    found = {}
    for name, (preset, changes) in studies().items():
        result = run(preset, out=folder / name, changes=changes)
        assert result.outcome == "completed"
        found[name] = result.model, result.app_hash
    return found


def test_studies_that_differ_end_differently(ends_here: Ends) -> None:
    assert len({model for model, _ in ends_here.values()}) == len(STUDIES)
    assert len({app_hash for _, app_hash in ends_here.values()}) == len(STUDIES)


def test_a_second_run_in_the_same_process_ends_the_same(ends_here: Ends, tmp_path: Path) -> None:
    for name in ("logistic", "mlp"):
        preset, changes = studies()[name]
        again = run(preset, out=tmp_path / name, changes=changes)
        assert (again.model, again.app_hash) == ends_here[name]


def test_neither_threads_nor_hash_seeds_change_a_bit(ends_here: Ends, tmp_path: Path) -> None:
    one = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    two = {"OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "12345"}
    assert ends_elsewhere(tmp_path / "one", **one) == ends_here
    assert ends_elsewhere(tmp_path / "two", **two) == ends_here


def test_another_seed_ends_differently(ends_here: Ends, tmp_path: Path) -> None:
    other = run("heart", out=tmp_path / "run", changes=[*SHORT, "study.seed=44"])
    assert other.model not in {model for model, _ in ends_here.values()}


@pytest.mark.parametrize("name", STUDIES)
def test_a_site_alone_learns_what_it_learns_beside_others(name: str) -> None:
    preset, changes = studies()[name]
    prepared = prepare(read_study(preset, changes))
    parts = (prepared.study, prepared.parts.spec, prepared.parts.trainer)
    together = LocalTrainers(*parts, prepared.train)
    study = prepared.study
    start = starting_vector(prepared.parts.spec, study)
    for site, rows in prepared.train.items():
        alone = LocalTrainers(*parts, {site: rows})
        for number in (1, 2):
            asked = (site, number, prepared.sites, b"model", start)
            mine, beside = alone.trained(*asked), together.trained(*asked)
            for ours, theirs in zip(mine, beside, strict=True):
                assert np.array_equal(ours, theirs)
                assert not np.array_equal(ours, start[: ours.size])
        assert np.array_equal(alone.alone(site), together.alone(site))


VERIFY_ALL = """
import sys
import numpy as np
from pathlib import Path
from collegium import verify
for folder in sorted(Path(sys.argv[1]).iterdir()):
    found = verify(folder)
    print(found.ok, found.levels.get("recomputed"), found.checked["rounds"], found.model)
"""


def test_a_processor_without_optional_features_recomputes_the_same_models(
    ends_here: Ends, folder: Path
) -> None:
    features = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    if not features:
        pytest.skip("NumPy uses no optional feature of this processor")
    shown = subprocess.run(
        [sys.executable, "-c", VERIFY_ALL, folder],
        env=environment(NPY_DISABLE_CPU_FEATURES=" ".join(features)),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = shown.stdout.splitlines()
    assert len(lines) == len(STUDIES)
    for name, line in zip(sorted(STUDIES), lines, strict=True):
        rounds = "2" if name == "wide mlp" else "3"
        assert line == f"True {rounds} {rounds} {ends_here[name][0]}"
