"""How much of an answer follows from the site: nothing, all, and what a user is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.data.example_tables import SCHEMA, site

from collegium.assembly.site_alone import about_site_alone, site_alone
from collegium.data.table import SiteRows
from collegium.learning.evaluation.metrics import measure


def sites(*shares: float, rows: int = 40) -> dict[str, SiteRows]:
    found = {}
    for number, share in enumerate(shares):
        y = (np.arange(rows) < share * rows).astype(np.int64)
        found[f"s{number}"] = replace(site(f"s{number}", rows), y=y)
    return found


def test_where_sites_are_alike_the_site_tells_nothing() -> None:
    alike = sites(0.3, 0.3)
    assert site_alone(SCHEMA, alike, alike) == pytest.approx(0.5)
    assert about_site_alone(SCHEMA, alike) == ()


def test_where_each_site_has_one_answer_the_site_tells_all() -> None:
    apart = sites(0.0, 1.0)
    assert site_alone(SCHEMA, apart, apart) == 1
    (note,) = about_site_alone(SCHEMA, apart)
    assert (note.level, note.code) == ("note", "study.site-tells-answer")
    assert "1.00" in note.text


def test_rates_are_those_of_training_and_rows_those_of_the_test() -> None:
    train, test = sites(0.2, 0.6), sites(0.5, 0.1)
    y = np.concatenate([rows.y for rows in test.values()])
    scores = np.repeat([0.2, 0.6], 40)[:, None]
    assert site_alone(SCHEMA, train, test) == pytest.approx(measure("binary", y, scores)["auc"])


def test_of_several_classes_it_is_the_commonest_and_of_numbers_the_mean() -> None:
    several = replace(SCHEMA, task="multiclass", classes=("a", "b", "c"))
    three = {name: replace(one, y=one.y + number) for number, (name, one) in
             enumerate(sites(0.25, 0.25).items())}  # fmt: skip
    assert site_alone(several, three, three) == pytest.approx(0.75)
    number = replace(SCHEMA, task="regression", classes=())
    constant = {name: replace(one, y=np.full(40, 3.0, np.float32)) for name, one in
                sites(0.5, 0.5).items()}  # fmt: skip
    assert site_alone(number, constant, constant) == 0
    assert about_site_alone(number, constant) == ()
    survival = replace(SCHEMA, task="survival", classes=(), event="E")
    assert site_alone(survival, constant, constant) is None
