"""Runs side by side: seed by seed, on the same rows, and refused where that cannot be."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.data.real import real

from collegium.cli.comparing import comparison_lines
from collegium.errors import CollegiumError
from collegium.measuring.comparing import compare
from collegium.measuring.quality import difference_of
from collegium.measuring.scoring import score_run
from collegium.plugins import find
from collegium.report.run_comparison import RunComparison
from collegium.simulation.replicating import replicate, variations

SHORT = ("training.rounds=2", "evaluation.bootstrap=100")
RULES = ('aggregation.rule=["fedavg", "median"]',)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two designs of `heart` with two seeds each."""
    parent = tmp_path_factory.mktemp("compared")
    return replicate(["heart"], seeds=2, changes=SHORT, varied=RULES, parent=parent)


@pytest.fixture(scope="module")
def compared(folders: list[Path]) -> RunComparison:
    return compare(folders)


def accuracy_of(folder: Path) -> float:
    """Accuracy over all sites as the run itself measured it."""
    from collegium.measuring.result import read_final

    final = read_final(folder)
    assert final is not None
    assert final.federated is not None
    value = final.federated.overall["accuracy"]
    assert value is not None
    return value


def test_designs_are_told_apart_by_what_differs(compared: RunComparison) -> None:
    assert [one.name for one in compared.designs] == [
        "aggregation.rule=fedavg",
        "aggregation.rule=median",
    ]
    assert [one.seeds for one in compared.designs] == [(43, 44), (43, 44)]
    assert (compared.task, compared.primary) == ("binary", "auc")


def test_models_scored_again_are_as_good_as_the_runs_measured(
    compared: RunComparison, folders: list[Path]
) -> None:
    measured = [accuracy_of(folder) for folder in folders]
    first, second = (one.quality["accuracy"].value for one in compared.designs)
    assert first == pytest.approx(np.mean(measured[:2]), abs=1e-12)
    assert second == pytest.approx(np.mean(measured[2:]), abs=1e-12)
    (paired,) = compared.differences
    assert paired.measures["accuracy"].value == pytest.approx(second - first, abs=1e-12)


def test_over_seeds_the_interval_holds_the_difference(compared: RunComparison) -> None:
    (paired,) = compared.differences
    assert paired.interval_over == "seeds"
    for mean in paired.measures.values():
        assert mean.interval is not None
        assert mean.interval.low <= mean.value <= mean.interval.high


def test_one_seed_is_compared_over_its_rows(folders: list[Path]) -> None:
    (paired,) = compare([folders[0], folders[2]]).differences
    assert (paired.interval_over, paired.seeds) == ("rows", (43,))
    assert paired.measures["auc"].interval is not None


def test_seeds_that_test_on_the_same_rows_are_compared_over_these(tmp_path: Path) -> None:
    real(find("datasets", "tcga_brca"))
    rates = ("training.learning_rate=[0.01, 2.0]",)
    found = compare(replicate(["brca"], seeds=2, changes=SHORT, varied=rates, parent=tmp_path))
    (paired,) = found.differences
    assert (paired.interval_over, paired.seeds) == ("rows", (43, 44))
    mean = paired.measures["c_index"]
    first, second = (one.quality["c_index"] for one in found.designs)
    assert mean.value == pytest.approx(second.value - first.value, abs=1e-12)
    assert (first.interval, found.designs[0].federated_minus_pooled["c_index"].interval) == (
        None,
        None,
    )
    assert mean.interval is not None
    assert mean.interval.high - mean.interval.low > 0.01, "seeds differ by less than .001"
    assert any("All seeds use the same test rows" in line for line in comparison_lines(found))


def test_persons_with_several_rows_are_resampled_with_all_of_them(tmp_path: Path) -> None:
    real(find("datasets", "eicu_demo"))
    changes, rates = (*SHORT, "evaluation.folds=1"), ("training.learning_rate=[0.01, 0.4]",)
    folders = replicate(["eicu"], seeds=1, changes=changes, varied=rates, parent=tmp_path)
    (paired,) = compare(folders).differences
    one, other = map(score_run, folders)
    assert any(len(np.unique(rows.person)) < len(rows.y) for rows in one.prepared.test.values())
    said = difference_of(one.prepared, one.prepared.test, other.scores, one.scores)
    assert {key: mean.interval for key, mean in paired.measures.items()} == said


def test_what_is_there_is_not_run_again(folders: list[Path]) -> None:
    ledger = folders[0] / "ledger.log"
    before = ledger.stat().st_mtime_ns
    again = replicate(["heart"], seeds=2, changes=SHORT, varied=RULES, parent=folders[0].parent)
    assert again == folders
    assert ledger.stat().st_mtime_ns == before


def test_every_combination_is_made() -> None:
    assert variations(["a.b=[1, 2]", 'c.d=["x"]']) == [("a.b=1", 'c.d="x"'), ("a.b=2", 'c.d="x"')]
    assert variations([]) == [()]


@pytest.mark.parametrize("text", ["training.rounds", "training.rounds=3", "a.b=[", "=[1]", "a=[]"])
def test_what_is_no_list_of_values_is_refused(text: str) -> None:
    with pytest.raises(CollegiumError) as refused:
        variations([text])
    assert refused.value.code == "compare.vary"


def code(*folders: Path) -> str:
    with pytest.raises(CollegiumError) as refused:
        compare(folders)
    return refused.value.code


def test_the_same_result_twice_is_refused(folders: list[Path]) -> None:
    assert code(folders[0], folders[0]) == "compare.twice"


def test_designs_without_a_common_seed_are_refused(folders: list[Path]) -> None:
    assert code(folders[0], folders[3]) == "compare.no-pairs"


def test_a_run_that_does_not_verify_is_refused(folders: list[Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folders[0], broken)
    data = bytearray((broken / "ledger.log").read_bytes())
    data[len(data) // 2] ^= 1
    (broken / "ledger.log").write_bytes(data)
    assert code(broken, folders[2]) == "compare.not-verified"


def test_other_test_rows_are_refused(folders: list[Path], tmp_path: Path) -> None:
    other = replicate(["heart"], seeds=1, changes=(*SHORT, "data.split.test=0.5"), parent=tmp_path)
    assert code(folders[0], *other) == "compare.other-rows"


def test_a_run_without_an_end_is_refused(folders: list[Path], tmp_path: Path) -> None:
    cut = tmp_path / "cut"
    shutil.copytree(folders[0], cut)
    (cut / "metrics.jsonl").unlink()
    assert code(cut, folders[2]) == "compare.unfinished"
    assert code(tmp_path / "nowhere") == "run.unreadable"
