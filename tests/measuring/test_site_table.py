"""A study's Table 1: counted by hand, and nothing that the design or few patients forbid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from collegium.assembly.preparation import prepare
from collegium.data.uci_heart import load
from collegium.learning.evaluation.statement import Statement
from collegium.measuring.site_table import signed_site_table, site_table
from collegium.report.measurements import SiteTable
from collegium.study.reading import read_study

MASKED = "privacy.secure_aggregation={}"


def table_of(*changes: str) -> SiteTable:
    found = site_table(prepare(read_study("heart", changes)))
    assert found is not None
    return found


def test_rows_persons_and_events_are_those_of_the_data() -> None:
    found, counted = table_of(), {site.name: site for site in load().sites}
    assert [one.site for one in found.sites] == sorted(counted)
    for one in found.sites:
        rows = counted[one.site]
        events = int(rows.y.sum())
        assert (one.rows, one.persons, one.missing) == (len(rows.y), len(rows.y), 0.0)
        few = len(rows.y) - events < 5
        assert few == (one.site == "switzerland"), "one patient there is without the outcome"
        assert one.classes == (None if few else (len(rows.y) - events, events))
    assert found.together.rows == sum(len(one.y) for one in counted.values())
    assert found.together.classes is None, "the one that is not told would follow"


def test_masked_sites_tell_their_rows_alone() -> None:
    found = table_of(MASKED)
    for one in found.sites:
        assert one.rows
        assert (one.persons, one.classes, one.missing) == (None, None, None)
    events = sum(int(site.y.sum()) for site in load().sites)
    assert found.together.classes == (740 - events, events)
    assert (found.together.rows, found.together.persons) == (740, 740)


def test_differential_privacy_lets_no_table_out() -> None:
    private = (
        'privacy.differential_privacy={unit="record", epsilon=4.0, delta=1e-5, clip=1.0,'
        " sampling_rate=0.2}"
    )
    assert site_table(prepare(read_study("heart", [private]))) is None


def test_missing_values_of_a_table_are_counted(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    lines, empty, cells = ["hospital,person,stay,ward,died"], {"a": 0, "b": 0}, {"a": 0, "b": 0}
    for number in range(300):
        site = "ab"[number % 3 == 0]
        stay = "" if random.random() < 0.2 else str(random.integers(1, 40))
        ward = "" if random.random() < 0.1 else ("heart", "lung")[random.integers(0, 2)]
        empty[site] += (stay == "") + (ward == "")
        cells[site] += 2
        died = ("no", "yes")[random.integers(0, 2)]
        lines.append(f"{site},{number // 2 if site == 'a' else 1000 + number},{stay},{ward},{died}")
    (tmp_path / "stays.csv").write_text("\n".join(lines))
    (tmp_path / "study.toml").write_text(DOCUMENT)
    found = site_table(prepare(read_study(tmp_path / "study.toml")))
    assert found is not None
    for one in found.sites:
        assert one.missing == pytest.approx(empty[one.site] / cells[one.site])
        people = {line.split(",")[1] for line in lines[1:] if line.startswith(one.site)}
        assert one.persons == len(people)
    whole = sum(empty.values()) / sum(cells.values())
    assert found.together.missing == pytest.approx(whole)


DOCUMENT = """
[study]
id = "stays"
title = "Stays"
question = "Who dies?"
seed = 1
[data]
source = { table = "stays.csv", target = "died", site = "hospital", person = "person" }
[model]
architecture = "logistic"
[training]
rounds = 1
learning_rate = 0.1
"""


def test_of_real_members_it_has_what_they_signed() -> None:
    def statement(**told: object) -> Statement:
        return Statement(
            kind="federated", model="m", task="binary", values=(),
            **told,  # type: ignore[arg-type]
        )  # fmt: skip

    one = statement(rows=40, classes=(30, 10), withheld="nothing")
    found = signed_site_table([("a", one), ("b", statement(rows=9, withheld="by-class"))])
    assert found is not None
    assert found.of == "test"
    assert [(each.rows, each.classes) for each in found.sites] == [(40, (30, 10)), (9, None)]
    assert (found.together.rows, found.together.classes) == (49, None)
    both = signed_site_table([("a", one), ("b", one)])
    assert both is not None
    assert both.together.classes == (60, 20)
    masked = [("b", statement(rows=9, withheld="all")), ("a", statement(rows=8, withheld="all"))]
    by_sum = signed_site_table(masked, (12, 5))
    assert by_sum is not None
    assert [(each.site, each.classes) for each in by_sum.sites] == [("a", None), ("b", None)]
    assert by_sum.together.classes == (12, 5)
    assert signed_site_table([]) is None
