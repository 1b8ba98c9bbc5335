"""The shipped data set is the original, and FLamby's protocol gives FLamby's rows."""

import os
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from collegium.data import uci_heart
from collegium.data.checking import check_dataset
from collegium.data.split import split
from collegium.data.table import input_names
from collegium.errors import DataError


def test_four_hospitals_keep_740_of_920_rows() -> None:
    heart = uci_heart.load()
    assert [(s.name, len(s.y), int(s.y.sum())) for s in heart.sites] == [
        ("cleveland", 303, 139),
        ("hungarian", 261, 98),
        ("switzerland", 46, 45),
        ("va", 130, 101),
    ]
    check_dataset(heart)


def test_ten_columns_become_thirteen_inputs() -> None:
    assert input_names(uci_heart.load().schema) == (
        "age", "sex", "cp=2", "cp=3", "cp=4", "trestbps", "chol", "fbs", "restecg=1", "restecg=2",
        "thalach", "exang", "oldpeak",
    )  # fmt: skip


def test_the_first_patient_of_cleveland_is_the_first_line_of_the_file() -> None:
    # 63.0,1.0,1.0,145.0,233.0,1.0,2.0,150.0,0.0,2.3,3.0,0.0,6.0,0
    first = uci_heart.load().sites[0]
    expected = [0.8, 1, 0, 0, 0, 0.75, 0.825, 1, 0, 1, 0, 0, 1.3]
    assert first.x[0] == pytest.approx(expected, rel=1e-6)
    assert (first.y[0], first.person[0]) == (0, 0)


def test_every_row_is_another_person_whose_number_leads_to_its_line() -> None:
    heart = uci_heart.load()
    person = np.concatenate([s.person for s in heart.sites])
    assert len(set(person.tolist())) == 740
    # The last line of the last file is complete: 303 + 294 + 123 + 200 lines, counted from 0.
    assert person.max() == 919
    age = files(uci_heart).joinpath("processed.va.data").read_text().splitlines()[-1].split(",")[0]
    assert heart.sites[-1].x[-1, 0] == pytest.approx((float(age) - 55) / 10)


def test_a_changed_file_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(uci_heart.HOSPITALS, "va", "0" * 64)
    with pytest.raises(DataError, match=r"processed\.va\.data"):
        uci_heart.load.__wrapped__()


def test_nobody_can_write_into_the_shared_rows() -> None:
    with pytest.raises(ValueError, match="read-only"):
        uci_heart.load().sites[0].x[0, 0] = 1.0


def test_attribution_names_license_citation_and_files() -> None:
    text = files(uci_heart).joinpath("ATTRIBUTION.md").read_text(encoding="utf-8")
    heart = uci_heart.load()
    assert "CC BY 4.0" in text
    assert "10.24432/C52P4X" in text
    assert heart.citation.rpartition(" ")[2] in text
    assert all(file.name in text and file.sha256 in text for file in heart.files)


@pytest.mark.skipif("COLLEGIUM_DATA" not in os.environ, reason="needs the original files")
def test_files_are_byte_for_byte_the_originals() -> None:
    folder = Path(os.environ["COLLEGIUM_DATA"]) / "uci_heart_4hospitals"
    for file in uci_heart.load().files:
        assert (folder / file.name).read_bytes() == files(uci_heart).joinpath(
            file.name
        ).read_bytes()


def test_pooled_logistic_regression_meets_flambys_figure() -> None:
    """FLamby's pooled baseline is .7953, 202 of 254 rows; its inputs are not normalized."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    parts = [split(s, 0.34, 43) for s in uci_heart.load().sites]
    x, y = (np.concatenate([getattr(train, name) for train, _ in parts]) for name in "xy")
    x_test, y_test = (np.concatenate([getattr(test, name) for _, test in parts]) for name in "xy")
    model = linear_model.LogisticRegression(max_iter=1000).fit(x, y)
    assert len(y_test) == 254
    assert int((model.predict(x_test) == y_test).sum()) == 202
