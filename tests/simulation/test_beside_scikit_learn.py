"""Tables that packages ship: pooled training is as good as scikit-learn's on the same rows.

Those of lifelines and statsmodels, which the tests' pins do not bring, are skipped where they are
not installed: `pip install lifelines statsmodels`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.data.tabular.cohorts import write_table

from collegium.assembly.preparation import prepare
from collegium.simulation.execution import run
from collegium.study.reading import read_study

datasets = pytest.importorskip("sklearn.datasets")
linear_model = pytest.importorskip("sklearn.linear_model")
metrics = pytest.importorskip("sklearn.metrics")

STUDY = """[study]
id = "beside"
title = "A table of scikit-learn"
question = "Which class"
seed = 43

[data]
source = { table = "cohort.csv", target = "answer", classes = ["no", "yes"] }
partition = { by = "iid", sites = 4 }

[model]
architecture = "logistic"
l2 = 0.001

[training]
rounds = 200
local_epochs = 5
batch_size = 8192
learning_rate = 0.5
momentum = 0.9

[evaluation]
bootstrap = 0
"""

Columns = Mapping[str, Sequence[object]]


def of_scikit_learn(name: str) -> Columns:
    """Return a table of scikit-learn, its target last."""
    found = getattr(datasets, f"load_{name}")()
    columns = {f"x{number}": column.tolist() for number, column in enumerate(found.data.T)}
    return columns | {"target": found.target.tolist()}


def of_lifelines(name: str) -> Columns:
    """Return a table of lifelines."""
    package = pytest.importorskip("lifelines.datasets", reason="needs the package lifelines")
    found = getattr(package, f"load_{name}")()
    return {column: found[column].tolist() for column in found}


def of_statsmodels(name: str) -> Columns:
    """Return a table of statsmodels."""
    package = pytest.importorskip("statsmodels.datasets", reason="needs the package statsmodels")
    found = getattr(package, name).load_pandas().data
    return {column: found[column].tolist() for column in found}


TABLES = [
    (of_scikit_learn, "breast_cancer", "target", 0, ()),
    (of_scikit_learn, "wine", "target", 1, ()),
    (of_scikit_learn, "iris", "target", 1, ()),
    (of_scikit_learn, "digits", "target", 8, ()),
    (of_scikit_learn, "diabetes", "target", None, ()),
    (of_lifelines, "rossi", "arrest", 1, ("week",)),
    (of_lifelines, "gbsg2", "cens", 1, ("time",)),
    (of_lifelines, "kidney_transplant", "death", 1, ("time",)),
    (of_statsmodels, "anes96", "vote", 1, ()),
    (of_statsmodels, "fair", "affairs", None, ()),
]  # fmt: skip
"""A table, the class that is asked for (None: who is above the median), what is not looked at."""


@pytest.mark.long
@pytest.mark.parametrize(("load", "name", "target", "which", "drop"), TABLES)
def test_pooled_auc_is_scikit_learns(
    tmp_path: Path, load: Callable[[str], Columns], name: str, target: str, which: int | None,
    drop: tuple[str, ...],
) -> None:  # fmt: skip
    columns = load(name)
    asked = np.asarray(columns[target], np.float64)
    yes = asked > np.median(asked) if which is None else asked == which
    cells = {one: cell for one, cell in columns.items() if one not in (target, *drop)}
    cells["answer"] = np.where(yes, "yes", "no").tolist()
    write_table(tmp_path / "cohort.csv", cells)
    (tmp_path / "study.toml").write_text(STUDY)
    measured = run(tmp_path / "study.toml", out=tmp_path / "run").measured
    prepared = prepare(read_study(tmp_path / "study.toml"))
    train, test = (
        (np.concatenate([one.x for one in part.values()]),
         np.concatenate([one.y for one in part.values()]))
        for part in (prepared.train, prepared.test)
    )  # fmt: skip
    model = linear_model.LogisticRegression(C=1 / (0.001 * len(train[1])), max_iter=5000).fit(
        *train
    )
    theirs = metrics.roc_auc_score(test[1], model.predict_proba(test[0])[:, 1])
    assert measured.pooled is not None
    assert measured.pooled.overall["auc"] == pytest.approx(theirs, abs=0.001)
