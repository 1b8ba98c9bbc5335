"""What is told of a consortium's run follows from the evidence, and nothing else is claimed."""

from __future__ import annotations

from pathlib import Path

import pytest

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
from collegium.report.measurements import RoundLine, read_lines
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
