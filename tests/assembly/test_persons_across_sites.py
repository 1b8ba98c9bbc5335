"""One person's rows are in one part at all sites where one process sees them, else it is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.data.tabular.cohorts import STUDY, trainers, write_study

from collegium.assembly.preparation import Prepared, prepare
from collegium.data.across_sites import in_one_part, shared_persons
from collegium.data.table import SiteRows
from collegium.errors import DataError
from collegium.federation.local_trainers import LocalTrainers
from collegium.study.reading import read_study

PERSONS = 60
BY_PERSON = STUDY.replace('drop = ["mrn"]', 'person = "mrn"')


def shared(folder: Path, text: str = BY_PERSON) -> Prepared:
    """Return a study of persons with four rows each, which lie at whichever site."""
    cells = trainers()
    cells["mrn"] = [f"P{number % PERSONS:03d}" for number in range(240)]
    return prepare(read_study(write_study(folder, cells, text)))


def said(prepared: Prepared) -> str:
    """Return what is told of persons at several sites."""
    return " ".join(one.text for one in prepared.notices if one.code.endswith("-persons"))


def persons(parts: dict[str, SiteRows]) -> set[int]:
    return {one for rows in parts.values() for one in rows.person.tolist()}


def test_a_simulation_tests_nobody_whom_another_site_trains_on(tmp_path: Path) -> None:
    found = shared(tmp_path)
    assert not persons(found.train) & persons(found.test)
    assert len(persons(found.train) | persons(found.test)) == PERSONS
    assert sum(len(rows.y) for part in (found.train, found.test) for rows in part.values()) == 240
    assert "nobody is trained on at one and tested on at another" in said(found)


def test_rows_that_are_held_out_are_of_nobody_who_is_trained_on(tmp_path: Path) -> None:
    text = BY_PERSON.replace(
        "rounds = 3", "rounds = 3\nearly_stopping = { patience = 1, validation = 0.3 }"
    )
    found = shared(tmp_path, text)
    work = LocalTrainers(found.study, found.parts.spec, found.parts.trainer, found.train)
    held = persons(found.train) - persons(work.rows)
    rows = sum(len(one.y) for one in work.rows.values())
    assert len(held) > 5
    every = np.concatenate([one.person for one in found.train.values()])
    assert rows == len(every) - np.isin(every, list(held)).sum()


def test_members_compare_no_persons_and_it_is_told(tmp_path: Path) -> None:
    text = BY_PERSON + '\n[consensus]\nengine = "log"\n'
    found = shared(tmp_path, text)
    both = persons(found.train) & persons(found.test)
    assert both
    assert f"{len(both)} of whom are trained on at one and tested on at another" in said(found)
    assert "members compare no persons" in said(found)


def rows(name: str, *person: int) -> SiteRows:
    count = len(person)
    return SiteRows(name, np.zeros((count, 1), np.float32), np.zeros(count), np.array(person))


def test_the_first_site_of_a_person_decides() -> None:
    cut = {"a": (rows("a", 1, 2), rows("a", 3)), "b": (rows("b", 3, 5), rows("b", 1, 4))}
    assert shared_persons(cut).in_both == shared_persons(cut).persons == 2
    found = in_one_part(cut)
    assert {name: [one.person.tolist() for one in parts] for name, parts in found.items()} == {
        "a": [[1, 2], [3]], "b": [[5, 1], [4, 3]],
    }  # fmt: skip


def test_a_site_that_would_train_on_nobody_is_refused() -> None:
    with pytest.raises(DataError) as caught:
        in_one_part({"a": (rows("a", 1), rows("a", 3)), "b": (rows("b", 3), rows("b", 4))})
    assert caught.value.code == "data.split"
