"""Each algorithm's three rounds, beside a plain one written from the papers' equations.

The references share nothing with the package but the order of rows in an epoch, which the
specification fixes. What differs is rounding: of float32, and of the encoding's integers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from collegium import plugins
from collegium.audit.verify import verify
from collegium.data.table import DataSet, Feature, Schema, SiteRows
from collegium.learning.blobs import decode_model
from collegium.learning.safetensors import read_released
from collegium.ledger.blobs import read_blob
from collegium.simulation.execution import run
from collegium.study.reading import read_study

Vector = NDArray[np.float64]
SEED, ROUNDS, RATE, BATCH, EPOCHS = 3, 3, 0.4, 8, 2
SITES = {"ada": 20, "bo": 45, "cy": 90}
INPUTS = 4

STUDY = f"""
[study]
id = "reference"
title = "Beside a reference"
question = "Are the three rounds the same?"
seed = {SEED}
attendance = "all"
[data]
source = "made_up"
split = {{ test = 0.2 }}
[model]
architecture = "logistic"
[training]
rounds = {ROUNDS}
learning_rate = {RATE}
batch_size = {BATCH}
local_epochs = {EPOCHS}
[aggregation]
weights = "equal"
exponent = 13
[evaluation]
bootstrap = 0
"""


def made_up() -> DataSet:
    random = np.random.RandomState(5)
    rows = []
    for place, (name, count) in enumerate(SITES.items()):
        x = random.normal(size=(count, INPUTS)).astype(np.float32)
        score = x @ (np.array([1, -1, 0.5, 0]) + 0.7 * random.normal(size=INPUTS))
        y = (score + random.logistic(size=count) > 0.5 * place).astype(np.int64)
        rows.append(SiteRows(name, x, y, np.arange(count) + 1000 * place))
    features = tuple(Feature(f"x{n}", f"column {n}", "numeric") for n in range(INPUTS))
    schema = Schema(features, "y", "binary", ("no", "yes"))
    return DataSet("made_up", "Made up", schema, tuple(rows), "CC0", "nobody", "", ())


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plugins.BUILT_IN["datasets"], "made_up", f"{__name__}:made_up")


# --- Plain pieces: one site, one row after the other, in double precision.


def batches(site: str, rows: int, turn: int, epochs: int) -> Iterator[list[int]]:
    """The specified order: each epoch by 32 random bits a row, from (seed, round, site)."""
    tag = f"collegium/shuffle/v1\0{SEED}\0{turn}\0{site}".encode()
    key = np.frombuffer(hashlib.sha256(tag).digest()[:16], "<u8").astype(np.uint64)
    for epoch in range(epochs):
        counter = np.array([0, 0, 0, epoch], np.uint64)
        words = np.random.Philox(key=key, counter=counter).random_raw(rows)
        order = sorted(range(rows), key=lambda i: (int(words[i]) >> 32, i))
        for first in range(0, rows, BATCH):
            yield order[first : first + BATCH]


def slope(w: Vector, x: Vector, y: Vector) -> Vector:
    """Of the mean log loss, bias first."""
    total = np.zeros(len(w))
    for row, label in zip(x, y, strict=True):
        seen = np.append(1.0, row)
        total += (1 / (1 + np.exp(-(w @ seen))) - label) * seen
    return total / len(y)


def always(term: Vector) -> Callable[[Vector], Vector]:
    return lambda w: term


def drawn(mu: float, anchor: Vector) -> Callable[[Vector], Vector]:
    """The slope of mu / 2 times the squared distance from an anchor."""
    return lambda w: mu * (w - anchor)


class Reference:
    """What every reference knows: the sites' training rows, and how to descend on them."""

    def __init__(self, changes: list[str]) -> None:
        from collegium.assembly.preparation import prepare

        path = "study.toml"
        Path(path).write_text(STUDY)
        self.prepared = prepare(read_study(Path(path), changes))
        self.train = {
            name: (rows.x.astype(float), rows.y.astype(float))
            for name, rows in self.prepared.train.items()
        }

    def descend(
        self, site: str, turn: int, w: Vector,
        extra: Callable[[Vector], Vector] = lambda w: np.zeros(len(w)),
        rate: float = RATE, momentum: float = 0.0, epochs: int = EPOCHS,
    ) -> tuple[Vector, int]:  # fmt: skip
        """Return the parameters after local steps, and how many those were."""
        x, y = self.train[site]
        w, velocity, steps = w.copy(), np.zeros(len(w)), 0
        for batch in batches(site, len(y), turn, epochs):
            velocity = momentum * velocity + slope(w, x[batch], y[batch]) + extra(w)
            w, steps = w - rate * velocity, steps + 1
        return w, steps


def ours(
    folder: Path, changes: list[str], size: int = INPUTS + 1
) -> tuple[Vector, dict[str, Vector]]:
    """Return the final model of a run, and what each site keeps for its use, if anything."""
    result = run(Path("study.toml"), out=folder, changes=changes)
    found = verify(folder)
    assert (found.ok, found.findings) == (True, ())
    assert found.levels == {"recomputed": ROUNDS}
    data = read_blob(folder / "blobs", bytes.fromhex(result.model))
    assert data is not None
    model = decode_model(data).parameters.astype(float)[:size]
    _, released = read_released((folder / "model" / "model.safetensors").read_bytes())
    assert np.array_equal(released, model.astype(np.float32))
    personal = {}
    for name in SITES:
        own = folder / "members" / name / "model" / "model.safetensors"
        if own.exists():
            personal[name] = read_released(own.read_bytes())[1].astype(float)
    return model, personal


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


START = np.zeros(INPUTS + 1)


@pytest.mark.parametrize("server_rate", [1.0, 0.5])
def test_scaffold(server_rate: float) -> None:
    """Karimireddy et al. 2020, algorithm 1, option II; all sites, then two of three."""
    changes = [
        "training.algorithm=scaffold", f"aggregation.server.learning_rate={server_rate}",
    ]  # fmt: skip
    reference = Reference(changes)
    x, c = START.copy(), START.copy()
    own = dict.fromkeys(SITES, START)
    for turn in range(1, ROUNDS + 1):
        moves, shifts = [], []
        for site in SITES:
            before = own[site]
            y, steps = reference.descend(site, turn, x, always(c - before))
            after = before - c + (x - y) / (steps * RATE)
            moves.append(y - x)
            shifts.append(after - before)
            own[site] = after
        x = x + server_rate * np.mean(moves, axis=0)
        c = c + np.mean(shifts, axis=0)
    model, _ = ours(Path("run"), changes)
    assert model == pytest.approx(x, abs=5e-4)
    plain, _ = ours(Path("plain"), [f"aggregation.server.learning_rate={server_rate}"])
    assert np.abs(plain - x).max() > 0.02, "it is not FedAvg"


def test_scaffold_in_turns() -> None:
    """Two of three sites a round, in turn: c moves by |S| / N of the mean."""
    changes = [
        "training.algorithm=scaffold", "training.participation=cyclic",
        "training.client_fraction=0.667",
    ]  # fmt: skip
    reference = Reference(changes)
    x, c = START.copy(), START.copy()
    own = dict.fromkeys(SITES, START)
    names = list(SITES)
    for turn in range(1, ROUNDS + 1):
        present = [names[(2 * (turn - 1) + k) % 3] for k in range(2)]
        moves, shifts = [], []
        for site in present:
            before = own[site]
            y, steps = reference.descend(site, turn, x, always(c - before))
            own[site] = before - c + (x - y) / (steps * RATE)
            moves.append(y - x)
            shifts.append(own[site] - before)
        x = x + np.mean(moves, axis=0)
        c = c + 2 / 3 * np.mean(shifts, axis=0)
    model, _ = ours(Path("run"), changes)
    assert model == pytest.approx(x, abs=5e-4)


@pytest.mark.parametrize("kind", ["sgd", "momentum", "proximal"])
def test_fednova(kind: str) -> None:
    """Wang et al. 2020, equation 7, with the weights of gradients of section 4 written out."""
    momentum, mu = 0.5 * (kind == "momentum"), 0.2 * (kind == "proximal")
    changes = [
        "training.algorithm=fednova", "aggregation.weights=rows", "aggregation.largest_share=1",
        f"training.momentum={momentum}", f"training.fedprox_mu={mu}",
    ]  # fmt: skip
    reference = Reference(changes)
    registered = {"ada": 16, "bo": 32, "cy": 64}  # 16, 36 and 72 rows, two binary digits
    share = {site: weight / sum(registered.values()) for site, weight in registered.items()}
    x = START.copy()
    for turn in range(1, ROUNDS + 1):
        normalized, lengths = START.copy(), 0.0
        for site in SITES:
            y, steps = reference.descend(site, turn, x, drawn(mu, x), momentum=momentum)
            if kind == "momentum":
                length = sum(sum(momentum**k for k in range(n)) for n in range(1, steps + 1))
            elif kind == "proximal":
                length = sum((1 - RATE * mu) ** k for k in range(steps))
            else:
                length = float(steps)
            normalized += share[site] * (x - y) / length
            lengths += share[site] * length
        x = x - lengths * normalized
    model, _ = ours(Path("run"), changes)
    assert model == pytest.approx(x, abs=5e-4 if kind == "sgd" else 4e-3)


def test_fedprox_and_a_cosine_schedule_with_warm_up() -> None:
    changes = [
        "training.fedprox_mu=0.3",
        "training.schedule={ kind = 'cosine', warmup = 1, factor = 0.25 }",
    ]
    reference = Reference(changes)
    x = START.copy()
    for turn, rate in ((1, RATE / 2), (2, RATE), (3, 0.25 * RATE)):
        moved = [reference.descend(site, turn, x, drawn(0.3, x), rate=rate)[0] for site in SITES]
        x = np.mean(moved, axis=0)
    model, _ = ours(Path("run"), changes)
    assert model == pytest.approx(x, abs=3e-4)


def test_ditto() -> None:
    """Li, Hu, Beirami and Smith 2021, algorithm 1, with FedAvg for the shared model."""
    changes = ["personalization.method=ditto", "personalization.strength=0.5"]
    reference = Reference(changes)
    x = START.copy()
    own = dict.fromkeys(SITES, START)
    for turn in range(1, ROUNDS + 1):
        for site in SITES:
            own[site], _ = reference.descend(site, turn, own[site], drawn(0.5, x))
        x = np.mean([reference.descend(site, turn, x)[0] for site in SITES], axis=0)
    model, personal = ours(Path("run"), changes)
    assert model == pytest.approx(x, abs=3e-4)
    assert personal.keys() == SITES.keys()
    for site in SITES:
        assert personal[site] == pytest.approx(own[site], abs=3e-4)
        assert np.abs(personal[site] - x).max() > 0.02


def test_fine_tuning() -> None:
    changes = ["personalization.method=fine_tuning", "personalization.epochs=1"]
    reference = Reference(changes)
    x = START.copy()
    for turn in range(1, ROUNDS + 1):
        x = np.mean([reference.descend(site, turn, x)[0] for site in SITES], axis=0)
    model, personal = ours(Path("run"), changes)
    assert model == pytest.approx(x, abs=3e-4)
    for site in SITES:
        tuned, _ = reference.descend(site, ROUNDS + 1, model, epochs=1)
        assert personal[site] == pytest.approx(tuned, abs=2e-5)
