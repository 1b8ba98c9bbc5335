"""A user's own code as a model: the file that was named and no other, all the way."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from tests.extras import needs

from collegium.assembly.preparation import prepare
from collegium.audit.verify import verify
from collegium.errors import PluginError, StudyError
from collegium.learning.models import initial_parameters
from collegium.learning.networks import custom_code as own_code
from collegium.learning.trainer import TrainingJob
from collegium.node.policy import Policy, StudyRequest, objections
from collegium.release.prediction import predict
from collegium.simulation.execution import run
from collegium.study.reading import read_study

FUNCTIONS = """
import jax.numpy as jnp
import numpy as np

def init(seed, inputs, outputs):
    random = np.random.default_rng(seed)
    return {
        "first.weight": random.normal(0, 0.3, (inputs, 6)).astype("float32"),
        "last.bias": np.zeros(outputs, "float32"),
        "last.weight": random.normal(0, 0.3, (6, outputs)).astype("float32"),
    }

def apply(parameters, x):
    hidden = jnp.tanh(x @ parameters["first.weight"])
    return hidden @ parameters["last.weight"] + parameters["last.bias"]
"""
LOSS = """
def loss(outputs, y):
    return jnp.logaddexp(0.0, outputs[:, 0]) - y * outputs[:, 0]
"""
MODULE = """
from torch import nn

class Net(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(inputs, 6), nn.ReLU(), nn.Dropout(0.2), nn.Linear(6, outputs)
        )

    def forward(self, x):
        return self.layers(x)

class Remembering(Net):
    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        self.norm = nn.BatchNorm1d(inputs)
"""

KINDS = [
    pytest.param(
        kind,
        marks=needs(kind),
    )
    for kind in ("jax", "torch")
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    own_code.load.cache_clear()
    (tmp_path / "mynet_jax.py").write_text(FUNCTIONS)
    (tmp_path / "mynet_torch.py").write_text(MODULE)
    return tmp_path


def changes(kind: str, name: str = "Net") -> list[str]:
    digest = sha256(Path(f"mynet_{kind}.py").read_bytes()).hexdigest()
    code = f"mynet_{kind}" + (f":{name}" if kind == "torch" else "")
    return [
        "model.architecture=own", f"model.code={code}", f"model.code_digest={digest}",
        f"training.trainer={kind}", "training.rounds=3", "training.learning_rate=0.3",
        "evaluation.bootstrap=0", "model.l2=0.0",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_trained_verified_released_and_applied(kind: str, folder: Path) -> None:
    result = run("heart", out=folder / "run", changes=[*changes(kind), "training.rounds=15"])
    found = verify(folder / "run")
    said = [(one.severity, one.code) for one in found.findings]
    assert (found.ok, said) == (True, [("note", "study.first-model")]), "verify runs no own code"
    quality = result.measured.federated
    assert quality is not None
    assert (quality.overall["auc"] or 0) > 0.8
    table = folder / "table.csv"
    names = "age,sex,cp,trestbps,chol,fbs,restecg,thalach,exang,oldpeak"
    table.write_text(names + "\n63,1,1,145,233,1,2,150,0,2.3\n")
    score = predict(folder / "run", table).scores
    assert 0 < score[0, 0] < 1


@pytest.mark.parametrize("kind", KINDS)
def test_two_runs_end_in_the_same_digest(kind: str, folder: Path) -> None:
    ends = {run("heart", out=folder / name, changes=changes(kind)).model for name in ("a", "b")}
    assert len(ends) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_site_gets_the_same_bits_alone_and_beside_others(kind: str, folder: Path) -> None:
    prepared = prepare(read_study("heart", changes(kind)))
    spec, training = prepared.parts.spec, prepared.study.training
    start = initial_parameters(spec, 1)
    jobs = [TrainingJob(name, own.x, own.y, start, 1) for name, own in prepared.train.items()]
    whole = prepared.parts.trainer.train(jobs, spec, training, 1)
    for place, job in enumerate(jobs):
        alone = prepared.parts.trainer.train([job], spec, training, 1)[0]
        assert alone.tobytes() == whole[place].tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_other_code_than_the_study_names_does_not_run(kind: str, folder: Path) -> None:
    asked = changes(kind)
    path = folder / f"mynet_{kind}.py"
    path.write_text(path.read_text() + "\nraise SystemExit('it ran')\n")
    with pytest.raises(StudyError) as caught:
        run("heart", out=folder / "run", changes=asked)
    assert caught.value.code == "model.code-digest"


@pytest.mark.parametrize("kind", KINDS[:1])
def test_a_loss_of_ones_own_is_used(kind: str, folder: Path) -> None:
    first = run("heart", out=folder / "first", changes=changes(kind)).model
    (folder / "mynet_jax.py").write_text(FUNCTIONS + LOSS)
    assert run("heart", out=folder / "same", changes=changes(kind)).model == first
    (folder / "mynet_jax.py").write_text(FUNCTIONS + LOSS.replace("return ", "return 0.5 * "))
    assert run("heart", out=folder / "half", changes=changes(kind)).model != first


@pytest.mark.parametrize("kind", KINDS[1:])
def test_what_is_kept_besides_parameters_is_refused(kind: str, folder: Path) -> None:
    with pytest.raises(StudyError) as caught:
        run("heart", out=folder / "run", changes=changes(kind, "Remembering"))
    assert "norm.running_mean" in caught.value.why
    assert "group or layer normalization" in caught.value.todo


@pytest.mark.parametrize("kind", KINDS[:1])
def test_code_that_fails_is_told_without_a_traceback(kind: str, folder: Path) -> None:
    (folder / "mynet_jax.py").write_text("def init(seed, inputs, outputs):\n    return 1 / 0\n")
    with pytest.raises(StudyError) as caught:
        run("heart", out=folder / "run", changes=changes(kind))
    assert (caught.value.code, "ZeroDivisionError" in caught.value.why) == (
        "model.code-failed", True,
    )  # fmt: skip


def test_code_that_is_not_there_is_told(folder: Path) -> None:
    for name in ("nothing_of_the_kind", "os.path", "..", "sys"):
        with pytest.raises(StudyError) as caught:
            own_code.file_of(name)
        assert caught.value.code == "model.code"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("model.code_digest=abc", "sha256sum mynet_jax.py"),
        ("model.code=mynet_jax:Net", "'mynet' for jax"),
        ("training.trainer=dense", "'jax' or 'torch'"),
        ("model.shape=[3, 4]", "remove shape"),
        ("model.architecture=mlp", "'dense'"),
    ],
)
def test_what_does_not_go_together_is_refused(change: str, told: str, folder: Path) -> None:
    with pytest.raises(StudyError) as caught:
        read_study("heart", [*changes("jax"), change])
    assert told in caught.value.todo


def test_a_site_runs_only_code_that_its_policy_names(folder: Path) -> None:
    study = read_study("heart", changes("jax")).study
    digest = str(study.model.code_digest)
    asked = StudyRequest(study, "00", "owner", "00", None)
    everything = {"studies": ("*",), "plain_updates": True}
    assert objections(Policy(**everything), asked) == (f"own_code does not allow {digest}",)  # type: ignore[arg-type]
    assert objections(Policy(**everything, own_code=(digest,)), asked) == ()  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["jax", "torch"])
def test_without_the_extra_it_is_named(
    kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, kind, None)
    with pytest.raises(PluginError) as caught:
        run("heart", out=folder / "run", changes=changes(kind))
    assert caught.value.todo == f"install it: pip install 'collegium[{kind}]'"
