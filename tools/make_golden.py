"""Make golden runs: small run folders, one for each mechanism, that every release must verify.

Usage: python tools/make_golden.py NAME ...
       python tools/make_golden.py --all
       python tools/make_golden.py --remake

Each of `RECIPES` becomes two files below tests/golden/: NAME.tar.xz with what the evidence of a run
consists of, and NAME.json with the modules that its study uses and the result of verifying it. A
golden run is kept for ever, so an existing one is not replaced: a new format gets a new name. Only
``--remake`` removes them all first; it is for a release that is the first one of its formats.
"""

from __future__ import annotations

import io
import json
import sys
import tarfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np

from collegium.audit.trust import policy_root
from collegium.audit.verify import examined
from collegium.simulation.execution import run

GOLDEN = Path(__file__).parents[1] / "tests" / "golden"
KEPT = ("blobs", "ledger.log", "model", "policy.json", "study.toml")
"""What a golden run keeps: no rows, no secrets, nothing that is measured."""


@dataclass(frozen=True)
class Recipe:
    """What a golden run is made of.

    Attributes:
        changes: to the study.
        study: a preset, or the text of a study of `TABLE`.
    """

    changes: tuple[str, ...]
    study: str = "heart"


TABLE_STUDY = """[study]
id = "cohort"
title = "A table of three hospitals"
question = "Who dies"
seed = 43

[data]
source = { table = "cohort.csv", target = "died", site = "hospital", smallest = 3 }

[model]
architecture = "logistic"

[training]
rounds = 1
learning_rate = 0.1
"""


def masked(*more: str, protocol: str = "secagg") -> str:
    """Return the change with which a study hides updates."""
    told = ", ".join((f"protocol='{protocol}'", *more))
    return f"privacy.secure_aggregation={{ {told} }}"


def noised(unit: str, *more: str) -> str:
    """Return the change with which a study is differentially private."""
    told = ", ".join((f"unit='{unit}'", "delta=1e-5", *more))
    return f"privacy.differential_privacy={{ {told} }}"


def of_sites(number: int) -> str:
    """Return the change with which a study's rows fall to so many sites."""
    return f"data.partition={{ by='iid', sites={number} }}"


SILENT = ("threat.attack=silent_site", 'threat.attackers=["va"]')
CLIENTS = ("aggregation.weights=equal", "aggregation.exponent=13", "study.max_attempts=1")
_RECIPES = {
    "plain": Recipe(("training.rounds=3",)),
    "scores": Recipe((
        "training.rounds=2", "aggregation.rule=reputation_weighted",
        "aggregation.scores={ demote = 0.4 }",
    )),
    "secagg": Recipe(("training.rounds=2", masked(), "faults.dropout=0.25")),
    "secagg_plus": Recipe((
        "training.rounds=1", of_sites(6), masked("degree=4", protocol="secagg_plus"),
    )),
    "threshold_he": Recipe((
        "training.rounds=1", of_sites(3), masked(protocol="threshold_he"),
    )),
    "groups": Recipe((
        "training.rounds=1", of_sites(9), "aggregation.rule=trimmed_mean",
        "aggregation.tolerate=1",
        masked("groups=3", "trust='honest_but_curious'", "norm_bound=0.3",
               "sum_check='pedersen'"),
    )),
    "patient": Recipe(("training.rounds=2", noised("patient", "epsilon=8.0"))),
    "client": Recipe((
        "training.rounds=2", *CLIENTS,
        noised("client", "mechanism='central'", "epsilon=200.0", "clipping='adaptive'",
               "clip=0.05"),
    )),
    "search": Recipe((
        "training.rounds=3", "training.early_stopping={ patience=1, validation=0.25 }",
        "search.training.learning_rate=[0.2, 3.0]", "search.validation=0.25",
    )),
    "compression": Recipe((
        "training.rounds=2", "aggregation.compression={ method='random_k', keep=0.5 }",
    )),
    "statistics": Recipe((), TABLE_STUDY),
    "summed_statistics": Recipe((masked(),), TABLE_STUDY),
}  # fmt: skip
RECIPES = _RECIPES | {
    f"{name}_2": recipe for name, recipe in _RECIPES.items()
} | {
    "silent_2": Recipe(("training.rounds=3", *SILENT)),
    "jumping_2": Recipe(("training.rounds=3", "training.learning_rate=3.0")),
}  # fmt: skip
"""Those without a number were made under version 1 of the contract, and NAME_2 under version 2."""


def trainers() -> str:
    """Return a small table of three hospitals as CSV; no patient's, and the same for ever."""
    lines = ["hospital,age [years],lactate,sex,died"]
    for row in range(72):
        draws = sha256(b"golden %d" % row).digest()
        age, lactate = 45 + draws[0] % 40, draws[1] / 64
        died = "yes" if age + 10 * lactate + draws[2] % 20 > 95 else "no"
        gap = "" if draws[3] % 8 == 0 else f"{lactate:.2f}"
        hospital, sex = ("ada", "bo", "cy")[row % 3], "fm"[draws[4] % 2]
        lines.append(f"{hospital},{age},{gap},{sex},{died}")
    return "\n".join(lines) + "\n"


def products_digest() -> str:
    """Return a digest of matrix products, sums and exponentials as this machine rounds them.

    Training a golden run again gives its model only where these are the same bits.
    """
    steps = np.arange(4 * 64 * 16, dtype=np.int64) * 2654435761 % 2**16
    x = (steps / 2**15 - 1).astype(np.float32).reshape(4, 64, 16)
    scores = np.matmul(x, x[:, :1].transpose(0, 2, 1))
    found = (scores, np.matmul(x.transpose(0, 2, 1), scores), np.exp(scores), x.sum(axis=1))
    return sha256(b"".join(part.tobytes() for part in found)).hexdigest()


def packed(folder: Path) -> bytes:
    """Return an archive of what a golden run keeps: the same bytes whenever it is made."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:xz", format=tarfile.USTAR_FORMAT, preset=9) as archive:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder)
            if path.is_file() and name.parts[0] in KEPT:
                entry = tarfile.TarInfo(name.as_posix())
                entry.size = path.stat().st_size
                archive.addfile(entry, io.BytesIO(path.read_bytes()))
    return data.getvalue()


def make(name: str) -> None:
    """Run, keep what belongs to the evidence, and write down what verification says."""
    target, told = GOLDEN / f"{name}.tar.xz", GOLDEN / f"{name}.json"
    if target.exists():
        sys.exit(f"error: {target} exists, and a golden run is kept for ever")
    recipe = RECIPES[name]
    with TemporaryDirectory() as there:
        study: str | Path = recipe.study
        if recipe.study == TABLE_STUDY:
            (Path(there) / "cohort.csv").write_text(trainers(), encoding="utf-8")
            study = Path(there) / "study.toml"
            study.write_text(TABLE_STUDY, encoding="utf-8")
        folder = Path(there) / "run"
        run(study, out=folder, changes=[*recipe.changes, "evaluation.bootstrap=100"])
        found, study_histories = examined(folder, trust=policy_root(folder / "policy.json"))
        data = packed(folder)
    (study_history,) = study_histories.values()
    expected = {
        "modules": list(study_history.registration.modules), "products": products_digest(),
        "verification": msgspec.to_builtins(found),
    }  # fmt: skip
    target.write_bytes(data)
    told.write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")
    print(name, len(data), expected["modules"])


def main(arguments: list[str]) -> None:
    """Make the golden runs that are named, those that are not there, or all of them anew."""
    if arguments == ["--remake"]:
        for path in GOLDEN.iterdir():
            if path.name.endswith((".json", ".tar.xz")):
                path.unlink()
    for name in RECIPES if arguments in (["--all"], ["--remake"]) else arguments:
        if arguments != ["--all"] or not (GOLDEN / f"{name}.tar.xz").exists():
            make(name)


if __name__ == "__main__":
    if len(sys.argv) < 2 or {"-h", "--help"} & {*sys.argv}:
        sys.exit(__doc__)
    main(sys.argv[1:])
