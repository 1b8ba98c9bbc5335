"""Glioma: what gives the label away is no column, and every column has a holder."""

from __future__ import annotations

import numpy as np
from tests.data.real import real

from collegium.data.checking import check_dataset
from collegium.data.table import input_names
from collegium.data.tcga_glioma import GENES, SCHEMA, TCGA_GLIOMA, complete, rows_of

HEADER = "Grade,Project,Case_ID,Gender,Age_at_diagnosis,Primary_Diagnosis,Race," + ",".join(GENES)


def patient(grade: str, case: str, race: str = "white", mutated: str = "IDH1") -> str:
    genes = ",".join(str(int(gene == mutated)) for gene in GENES)
    return f'{grade},TCGA-{grade},{case},Male,65.0,"Oligodendroglioma, NOS",{race},{genes}'


def table(*lines: str) -> bytes:
    return ("\ufeff" + "\n".join([HEADER, *lines])).encode()


def test_a_line_is_a_patient_and_whoever_is_not_wholly_known_is_left_out() -> None:
    data = table(
        patient("LGG", "A"),
        patient("GBM", "B", "not reported"),
        patient("GBM", "C", mutated="TP53"),
    )
    (site,) = rows_of(data).sites
    assert site.y.tolist() == [0, 1]
    assert [one["Case_ID"] for one in complete(data)] == ["A", "C"]
    names = input_names(SCHEMA)
    assert site.x[:, names.index("IDH1")].tolist() == [1, 0]
    assert site.x[:, names.index("Age_at_diagnosis")].tolist() == [1, 1]


def test_what_says_the_grade_is_no_column_and_every_column_has_one_holder() -> None:
    features = {feature.name for feature in SCHEMA.features}
    assert not features & {"Project", "Primary_Diagnosis", "Case_ID", "Grade"}
    held = [name for holder in TCGA_GLIOMA.holders for name in holder.columns]
    assert len(held) == len(set(held))
    assert set(held) == features | {"Grade"}
    assert [holder.name for holder in TCGA_GLIOMA.holders] == ["hospital", "laboratory"]


def test_the_original_has_840_patients_and_both_holders_know_something() -> None:
    dataset = real(TCGA_GLIOMA)
    check_dataset(dataset)
    assert tuple((one.name, len(one.y)) for one in dataset.sites) == TCGA_GLIOMA.sites
    (site,) = dataset.sites
    assert site.y.sum() == 352
    names = input_names(SCHEMA)

    def accuracy(inputs: list[int]) -> float:
        """Of least squares, on the tenth of the rows that it did not see, ten times."""
        x = np.column_stack([np.ones(len(site.y)), site.x[:, inputs]]).astype(np.float64)
        hits = []
        fold = np.random.RandomState(1).permutation(len(site.y)) % 10
        for number in range(10):
            known = fold != number
            square = x[known].T @ x[known] + 0.1 * np.eye(x.shape[1])
            weights = np.linalg.solve(square, x[known].T @ (2.0 * site.y[known] - 1))
            hits.append((x[~known] @ weights > 0) == site.y[~known])
        return float(np.concatenate(hits).mean())

    genes = [at for at, name in enumerate(names) if name in GENES]
    clinical = [at for at, name in enumerate(names) if name not in GENES]
    assert abs(accuracy(clinical) - 0.751) < 0.02
    assert abs(accuracy(genes) - 0.870) < 0.02
    assert abs(accuracy(list(range(len(names)))) - 0.873) < 0.02
