"""A column that was written down after the answer is told before anything is trained."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.data.tabular.cohorts import STUDY, trainers, write_study

from collegium.assembly.preparation import prepare
from collegium.data.uci_heart import COLUMNS
from collegium.study.notice import Notice
from collegium.study.reading import read_study


def notices_with(folder: Path, **columns: Sequence[object]) -> dict[str, Notice]:
    """Return what `check` tells of a table of four hospitals with some columns more, by code."""
    cells = {**trainers(len(next(iter(columns.values())))), **columns}
    return {one.code: one for one in prepare(read_study(write_study(folder, cells))).notices}


def died(rows: int) -> list[bool]:
    """Return who of such a table died."""
    return [one == "yes" for one in trainers(rows)["died"]]


def giveaway(folder: Path, column: Sequence[object]) -> str | None:
    """Return the warning of target leakage of a table with a column more, if there is one."""
    found = notices_with(folder, note=column).get("study.giveaway")
    return None if found is None else found.text.partition(" (")[0]


def test_a_column_that_tells_the_answer_is_named_in_check(tmp_path: Path) -> None:
    warned = notices_with(tmp_path, discharge=["dead" if one else "home" for one in died(240)])
    assert warned["study.giveaway"].level == "warning"
    assert warned["study.giveaway"].text.startswith("discharge=dead alone tells died")


def test_a_first_category_is_looked_at_as_the_others_are(tmp_path: Path) -> None:
    # Who died was at one of the first wards' alone; each other ward has a part of the rest.
    wards = ["a" if one else "bcd"[at % 3] for at, one in enumerate(died(240))]
    assert giveaway(tmp_path, wards) == "note=a alone tells died"


def test_many_categories_tell_together_what_each_tells_of_a_few_rows(tmp_path: Path) -> None:
    # Twenty codes of the dead and twenty of the others, in no order.
    codes = [f"c{2 * (at % 20) + one:02d}" for at, one in enumerate(died(4000))]
    assert giveaway(tmp_path / "words", codes) == "note alone tells died"
    numbers = [7 * (2 * (at % 20) + one) for at, one in enumerate(died(4000))]
    assert giveaway(tmp_path / "numbers", numbers) == "note alone tells died"


def test_many_small_categories_of_chance_tell_nothing(tmp_path: Path) -> None:
    draws = np.random.default_rng(1)
    cells = trainers(8000)
    cells["died"] = np.where(draws.random(8000) < 0.004, "yes", "no").tolist()
    cells["doctor"] = [f"d{one}" for one in draws.integers(0, 90, 8000)]
    cells["value"] = draws.normal(size=8000).tolist()
    found = prepare(read_study(write_study(tmp_path, cells))).notices
    assert not {"study.giveaway", "study.row-number"} & {one.code for one in found}


ARCHITECTURES = {"cost": "linear", "visits": "poisson", "days": "cox"}


def warned_of(folder: Path, target: str, cells: dict[str, list[object]], more: str = "") -> str:
    """Return the warning of a study whose target is no class; nothing if there is none."""
    text = STUDY.replace('"died"', f'"{target}"{more}')
    text = text.replace("logistic", ARCHITECTURES[target])
    found = prepare(read_study(write_study(folder, cells, text))).notices
    return next((one.text for one in found if one.code == "study.giveaway"), "")


def test_a_column_that_tells_a_number_a_count_or_a_rate_is_named(tmp_path: Path) -> None:
    draws = np.random.default_rng(4)
    cells = trainers(400)
    cost = draws.lognormal(7, 1, 400)
    cells["cost"] = cost.round(2).tolist()
    assert not warned_of(tmp_path / "honest", "cost", cells)
    cells["invoice"] = (1.19 * np.sqrt(cost) + draws.normal(0, 0.1, 400)).round(2).tolist()
    told = warned_of(tmp_path / "number", "cost", cells)
    assert told.startswith("invoice alone tells cost (rank correlation of 0.99 or more on training")
    del cells["invoice"]
    cells["visits"] = (visits := draws.poisson(3, 400)).tolist()
    assert not warned_of(tmp_path / "count", "visits", cells)
    cells["years"] = (years := draws.uniform(0.5, 6, 400).round(3)).tolist()
    cells["yearly"] = (visits / years).tolist()
    over = ', exposure = "years"'
    told = warned_of(tmp_path / "rate", "visits", cells, over)
    assert told.startswith("yearly alone tells visits")
    del cells["yearly"]
    assert not warned_of(tmp_path / "honest rate", "visits", cells, over)
    cells["billed"] = visits.tolist()
    told = warned_of(tmp_path / "same", "visits", cells, over)
    assert told.startswith("billed alone tells visits")


def test_categories_that_tell_a_number_together_are_named(tmp_path: Path) -> None:
    draws = np.random.default_rng(5)
    cells = trainers(4000)
    group = draws.integers(0, 40, 4000)
    cells["cost"] = (draws.permutation(40)[group] * 100 + draws.integers(0, 90, 4000)).tolist()
    cells["clerk"] = [f"c{one}" for one in draws.integers(0, 40, 4000)]
    assert not warned_of(tmp_path / "honest", "cost", cells)
    cells["tariff"] = [f"t{one}" for one in group]
    assert warned_of(tmp_path, "cost", cells).startswith("tariff alone tells cost")


def test_a_column_that_tells_a_survivals_event_or_its_time_is_named(tmp_path: Path) -> None:
    draws = np.random.default_rng(6)
    cells = trainers(400)
    days = draws.integers(1, 4000, 400)
    cells["days"] = days.tolist()
    event = ', event = "died"'
    assert not warned_of(tmp_path / "honest", "days", cells, event)
    cells["left"] = ["dead" if one == "yes" else "home" for one in cells["died"]]
    told = warned_of(tmp_path / "event", "days", cells, event)
    assert told.startswith("left=dead alone tells days or died (AUC or rank correlation of 0.99")
    del cells["left"]
    # Of those who died alone: the others' last visit was some time before.
    dead = np.array([one == "yes" for one in cells["died"]])
    cells["seen"] = np.where(dead, 30 + days, draws.integers(1, 4000, 400)).tolist()
    told = warned_of(tmp_path, "days", cells, event)
    assert told.startswith("seen alone tells days or died")


def test_an_honest_table_has_none_and_few_rows_prove_nothing(tmp_path: Path) -> None:
    cells = trainers()
    found = prepare(read_study(write_study(tmp_path / "honest", cells))).notices
    assert not {"study.giveaway", "study.row-number"} & {one.code for one in found}
    for positive, told in ((12, False), (40, True)):
        cells["died"] = ["yes" if at % 6 == 0 and at < 6 * positive else "no" for at in range(240)]
        cells["x"] = [float(one == "yes") for one in cells["died"]]
        found = prepare(read_study(write_study(tmp_path / f"{positive}", cells))).notices
        assert ("study.giveaway" in {one.code for one in found}) == told


@pytest.mark.parametrize("order", ["file", "outcome", "steps"])
def test_a_number_that_counts_the_rows_of_all_sites_is_no_input(tmp_path: Path, order: str) -> None:
    rows = 1600
    place = np.argsort(died(rows), kind="stable") if order == "outcome" else np.arange(rows)
    numbers = np.empty(rows, np.int64)
    numbers[place] = np.arange(1, rows + 1) * (10 if order == "steps" else 1) + 4000
    found = notices_with(tmp_path, sequence=numbers.tolist())
    assert "sequence (it looks like an identifier of rows)" in found["study.left-out"].text
    assert "study.giveaway" not in found


def test_what_no_site_alone_can_see_is_seen_over_all_sites(tmp_path: Path) -> None:
    # Fifty-odd training rows of each site leave too many gaps between its numbers.
    found = notices_with(tmp_path, sequence=list(range(1, 241)))
    assert found["study.row-number"].level == "warning"
    assert found["study.row-number"].text.startswith("sequence looks like a number of rows")
    assert "sequence" not in found["study.left-out"].text


def test_numbers_far_apart_tell_where_answers_stand_in_blocks(tmp_path: Path) -> None:
    rows = 1200
    draws = np.random.default_rng(2)
    numbers = np.sort(draws.choice(10**9, rows, replace=False))
    dead = np.array(died(rows))
    # Those who died stand in the middle: neither high nor low.
    blocks = np.empty(rows, np.int64)
    first = int((~dead).sum()) // 2
    middle = slice(first, first + int(dead.sum()))
    blocks[dead] = draws.permutation(numbers[middle])
    blocks[~dead] = draws.permutation(np.delete(numbers, np.arange(rows)[middle]))
    assert giveaway(tmp_path, blocks.tolist()) == "note alone tells died"


def test_a_site_with_real_measurements_sees_no_identifier_among_them(tmp_path: Path) -> None:
    draws = np.random.default_rng(3)
    cells = trainers(800)
    cells["platelets"] = draws.normal(250, 80, 800).astype(int).tolist()
    cells["volume"] = draws.normal(1.2e6, 1e5, 800).astype(int).tolist()
    found = {one.code: one for one in prepare(read_study(write_study(tmp_path, cells))).notices}
    assert "study.row-number" not in found
    assert "identifier" not in found["study.left-out"].text


@pytest.mark.skipif("COLLEGIUM_DATA" not in os.environ, reason="needs the original files")
def test_real_tables_give_no_false_alarm(tmp_path: Path) -> None:
    folder = Path(os.environ["COLLEGIUM_DATA"])
    heart = [
        [*line.split(",")[:13], "no" if line.split(",")[13] == "0" else "yes", site]
        for site in ("cleveland", "hungarian", "switzerland", "va")
        for line in (folder / f"uci_heart_4hospitals/processed.{site}.data").read_text().split()
    ]
    names = [*(name for name in COLUMNS if name != "num"), "died", "hospital"]
    study = STUDY.replace(', drop = ["mrn"]', "")
    cells = dict(zip(names, zip(*heart, strict=True), strict=True))
    found = prepare(read_study(write_study(tmp_path, cells, study))).notices
    assert not {"study.giveaway", "study.row-number"} & {one.code for one in found}
    glioma = folder / "tcga_glioma/TCGA_GBM_LGG_Mutations_all.csv"
    (tmp_path / "cohort.csv").write_bytes(glioma.read_bytes())
    parted = 'drop = ["Case_ID"] }\npartition = { by = "iid", sites = 4 }'
    text = STUDY.replace('site = "hospital", drop = ["mrn"] }', parted).replace("died", "Grade")
    (tmp_path / "study.toml").write_text(text)
    (warned,) = [
        one.text for one in prepare(read_study(tmp_path / "study.toml")).notices
        if one.code in ("study.giveaway", "study.row-number")
    ]  # fmt: skip
    # The first is the answer by another name; no mutation is suspected.
    assert warned.startswith("Primary_Diagnosis=Glioblastoma, Project=TCGA-GBM alone tell Grade")
