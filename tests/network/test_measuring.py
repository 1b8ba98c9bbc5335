"""What is told of a consortium's run follows from the evidence, and nothing else is claimed."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import UNSET, structs

from collegium.learning.evaluation.summed import EvaluationSum, MergedBin
from collegium.measuring.calls import calls_of_statements, calls_of_sum
from collegium.measuring.reporting import posted_statements, posted_sum, replayed_study
from collegium.measuring.result import RunResult
from collegium.network.measuring import (
    FAILED,
    NO_POOLED,
    closing_times,
    end_of,
    final_line,
    round_lines,
    signed_quality,
)
from collegium.report.measurements import CalledRows, Interval, RoundLine, read_lines
from collegium.simulation.execution import run

SITES = ("cleveland", "hungarian", "switzerland", "va")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    folder = tmp_path_factory.mktemp("measuring") / "run"
    return run("heart", out=folder, changes=["training.rounds=3", "evaluation.bootstrap=100"])


def test_rounds_are_those_that_the_run_saw(done: RunResult) -> None:
    seen = [
        line for line in read_lines(done.folder / "metrics.jsonl") if isinstance(line, RoundLine)
    ]
    replayed_study = list(round_lines(done.folder, "heart", {0: 10.0, 1: 12.5, 2: 13.0, 3: 13.25}))
    for mine, theirs in zip(replayed_study, seen, strict=True):
        for field in ("round", "attempt", "model", "included", "entries", "app_hash"):
            assert getattr(mine, field) == getattr(theirs, field)
        assert mine.bytes["blobs"] > 0
        assert mine.training_metrics == {}, "nobody holds everybody's training rows"
    assert [line.seconds for line in replayed_study] == [
        {"clock": 2.5},
        {"clock": 0.5},
        {"clock": 0.25},
    ]


def test_without_a_log_no_time_is_told(done: RunResult) -> None:
    assert [line.seconds for line in round_lines(done.folder, "heart", {})] == [{}, {}, {}]


def test_the_end_of_the_ledger_is_the_runs(done: RunResult) -> None:
    entries, app_hash = end_of(done.folder)
    assert (entries, app_hash.hex()) == (done.entries, done.app_hash)


def test_quality_is_what_the_sites_signed_and_pooled_is_absent_with_its_reason(
    done: RunResult,
) -> None:
    posted = posted_statements(done.folder, replayed_study(done.folder, "heart"))
    last = final_line("completed", done.model, posted, SITES, {"va: already": 2})
    assert (last.pooled, last.pooled_reason) == (None, NO_POOLED)
    assert (last.difference_to_local, last.difference_to_pooled, last.rows) == ({}, {}, {})
    computed = done.measured.federated
    assert last.federated is not None
    assert computed is not None
    assert set(last.federated.overall) == {"accuracy"}, "anything else needs a secure sum"
    assert last.federated.overall["accuracy"] == pytest.approx(computed.overall["accuracy"])
    assert set(last.federated.sites) == set(SITES)
    for site, values in last.federated.sites.items():
        for name, value in values.items():
            assert value == pytest.approx(computed.sites[site][name], abs=1e-8)
        assert set(last.federated.site_intervals[site]) <= set(values)
    assert last.local is not None


def test_what_a_secure_sum_tells_is_quality_over_all_sites(tmp_path: Path) -> None:
    masked = 'privacy.secure_aggregation={ protocol = "secagg" }'
    changes = ("training.rounds=1", "evaluation.bootstrap=0", masked)
    ran = run("heart", out=tmp_path / "run", changes=changes)
    study_history = replayed_study(ran.folder, "heart")
    posted, summed = (
        posted_statements(ran.folder, study_history),
        posted_sum(ran.folder, study_history),
    )
    last = final_line("completed", ran.model, posted, SITES, {}, summed)
    computed = ran.measured.federated
    assert last.federated is not None
    assert computed is not None
    losses = {"brier", "log_loss"}
    assert set(last.federated.overall) == set(computed.overall) - losses, "rows are too few"
    for name, value in last.federated.overall.items():
        assert value == pytest.approx(computed.overall[name], abs=0.002)
    assert summed is not None
    assert sum(one.rows for one in summed.table) == 254
    assert not any(last.federated.sites.values()), "of itself a site signs its rows alone"
    part = final_line("completed", ran.model, posted, (*SITES, "another"), {}, summed)
    assert part.federated is not None
    assert "auc" not in part.federated.overall, "a sum over some sites is none over all"


def test_a_site_that_withholds_leaves_no_accuracy_over_all(done: RunResult) -> None:
    posted = [
        one
        for one in posted_statements(done.folder, replayed_study(done.folder, "heart"))
        if one.site != "va"
    ]
    quality = signed_quality(posted, "federated", SITES)
    assert quality is not None
    assert quality.overall == {}
    assert signed_quality([], "federated", SITES) is None


def test_a_failed_study_has_no_quality(done: RunResult) -> None:
    last = final_line("failed", done.model, [], SITES, {})
    assert (last.federated, last.local, last.pooled_reason) == (None, None, FAILED)


def test_times_come_from_a_members_log(tmp_path: Path) -> None:
    path = tmp_path / "node.log"
    path.write_text(
        '{"time":"2026-01-02T03:04:05.500Z","event":"study.registered","study":"heart"}\n'
        '{"time":"2026-01-02T03:04:06.000Z","event":"round.closed","study":"lung","round":1}\n'
        "torn\n"
        '{"time":"2026-01-02T03:04:07.250Z","event":"round.closed","study":"heart","round":1}\n'
    )
    times = closing_times(path, "heart")
    assert times[1] - times[0] == pytest.approx(1.75)
    assert set(times) == {0, 1}


def test_calls_add_up_where_every_site_tells_its_classes_and_only_there(done: RunResult) -> None:
    posted = posted_statements(done.folder, replayed_study(done.folder, "heart"))
    told = [one.statement for one in posted if one.statement.kind == "federated"]
    assert calls_of_statements(told[:2], 4) is None, "a site did not speak"
    silent = calls_of_statements(told, 4)
    assert silent == CalledRows(rows=254), "a site withholds its classes"
    open_ = [one for one in told if one.withheld == "nothing"]
    found = calls_of_statements(open_, 3)
    assert found is not None
    (spared, alarms), (missed, hits) = found.confusion
    assert spared + hits == sum(one.correct for one in open_ if isinstance(one.correct, int))
    assert missed + hits == sum(one.classes[1] for one in open_ if isinstance(one.classes, tuple))
    posted_open = [one for one in posted if one.statement.withheld == "nothing"]
    quality = signed_quality(posted_open, "federated", [one.site for one in posted_open[::2]])
    assert quality is not None
    assert quality.overall["sensitivity"] == pytest.approx(hits / (missed + hits))
    assert quality.overall["specificity"] == pytest.approx(spared / (spared + alarms))
    assert found.values["ppv"] == pytest.approx(hits / (hits + alarms))
    low, high = scores(hits, hits + alarms)
    assert found.intervals["ppv"] == Interval(pytest.approx(low), pytest.approx(high))  # type: ignore[arg-type]
    low, high = scores(hits, hits + missed)
    of_found = quality.overall_intervals["sensitivity"]
    assert of_found == Interval(pytest.approx(low), pytest.approx(high))  # type: ignore[arg-type]
    noised = calls_of_statements(open_, 3, noised=True)
    assert noised is not None
    assert noised.intervals == {}, "a noised count is no share of rows"
    assert found.values["npv"] == pytest.approx(spared / (spared + missed))
    assert found.values["prevalence"] == pytest.approx((missed + hits) / found.rows)


def scores(part: int, whole: int) -> tuple[float, float]:
    """The shares that a score test at 5 % does not reject, found by bisection."""

    def rejected(share: float) -> bool:
        return (part / whole - share) ** 2 > 1.959964**2 * share * (1 - share) / whole

    ends = []
    for outer in (0.0, 1.0):
        inner = part / whole
        for _ in range(60):
            middle = (outer + inner) / 2
            outer, inner = (middle, inner) if rejected(middle) else (outer, middle)
        ends.append(inner)
    return ends[0], ends[1]


def test_a_secure_sum_tells_calls_and_the_ends_of_its_bins() -> None:
    bins = (
        MergedBin(end=4, hits=10, rows=50), MergedBin(end=6, hits=20, rows=40),
        MergedBin(end=10, hits=40, rows=60),
    )  # fmt: skip
    summed = EvaluationSum(
        layout="binary@2", model="m", rows=150, sites=3, withheld="nothing", classes=(80, 70),
        calls=(60, 20, 15, 55), table=bins,
    )  # fmt: skip
    found = calls_of_sum(summed)
    assert found.confusion == ((60, 20), (15, 55))
    assert found.values == pytest.approx({"prevalence": 70 / 150, "ppv": 55 / 75, "npv": 60 / 75})
    along = [number for point in found.roc for number in point]
    assert along == pytest.approx([0, 0, 20 / 80, 40 / 70, 40 / 80, 60 / 70, 1, 1])
    assert calls_of_sum(structs.replace(summed, calls=UNSET)).confusion == ()
