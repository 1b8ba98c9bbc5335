"""Sums by groups in whole runs: the plain groups' model, whoever drops out, and no cheat unseen."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.simulation import test_masked

from collegium.assembly.preparation import prepare
from collegium.audit.attempts import AttemptRecord
from collegium.audit.findings import Verification
from collegium.audit.gathering import gather
from collegium.audit.history import read_history
from collegium.audit.verify import verify
from collegium.canonical import from_text
from collegium.federation.outbox import Outbox, OutboxKey
from collegium.learning.aggregation.composition import rule_called
from collegium.learning.aggregation.next_model import next_model, server_named
from collegium.learning.aggregation.updates import Contribution
from collegium.learning.blobs import (
    decode_model,
    decode_update,
    digest,
    encode_model,
    encode_update,
)
from collegium.measuring.quality import measures_on
from collegium.measuring.result import RunResult
from collegium.mechanisms.groups.checking import Grouped, survivors
from collegium.simulation.execution import run
from collegium.simulation.ledgerless import run_without_ledger
from collegium.study.document import Server
from collegium.study.reading import read_study

SHORT = ("training.rounds=3", "evaluation.bootstrap=0", "training.local_epochs=2")
ROBUST = ("aggregation.rule=nnm+trimmed_mean", "aggregation.tolerate=1")
TWENTY = ("data.partition.sites=20", "study.min_sites=6")


def masked(**fields: object) -> str:
    said = {"protocol": "secagg", **fields}
    words = (f"{key} = {one!r}" for key, one in said.items())
    return f"privacy.secure_aggregation={{ {', '.join(words)} }}"


LOOSE = masked(groups=5, fewest_groups=2, threshold=3, trust="honest_but_curious")


def codes(found: Verification, severity: str = "error") -> list[str]:
    return [one.code for one in found.findings if one.severity == severity]


def attempts_of(folder: Path) -> list[AttemptRecord]:
    history = read_history((folder / "ledger.log").read_bytes())
    study_histories, _ = gather(history.said)
    return list(study_histories["heart10"].attempts.values())


def plain_updates(
    folder: Path, attempt: AttemptRecord
) -> dict[str, np.ndarray[Any, np.dtype[np.int16]]]:
    """What each survivor has in its outbox, before any mask."""
    with closing(Outbox(folder / "members" / "outbox")) as outbox:
        place = ("update", "heart10", attempt.opened.round)
        found = {}
        for key in list(outbox._bodies):
            here = (key.purpose, key.study, key.round) == place
            if here and key.within[0] in survivors(attempt):
                found[key.within[0]] = decode_update(outbox.get(key) or b"")[0].units
    return found


def reference(folder: Path, attempt: AttemptRecord, rule: str, tolerate: int) -> bytes:
    """The model of the groups' plain means, from what never left its site."""
    updates, opened = plain_updates(folder, attempt), attempt.opened
    assert sorted(updates) == sorted(survivors(attempt))
    weights = dict(zip(opened.participants, opened.weights, strict=True))
    means, sums = [], []
    for number in sorted(
        set(attempt.of(Grouped).going_on.values()).difference(attempt.of(Grouped).refused)
    ):
        inside = [name for name in updates if attempt.of(Grouped).groups[name] == number]
        weight = sum(weights[name] for name in inside)
        total = sum(weights[name] * updates[name].astype(np.int64) for name in inside)
        shift = 0
        while True:  # the least multiple of which the largest takes 16 bits
            step = weight << shift
            mean = np.floor_divide(2 * np.asarray(total) + step, 2 * step)
            if np.abs(mean).max() <= 32767:
                break
            shift += 1
        blob = encode_update((mean << shift).astype(np.int32), opened.exponent)
        means.append(Contribution(digest(blob), mean.astype(np.int16), shift))
        sums.append(weight)
    start = decode_model((folder / "blobs" / from_text(opened.model, 32).hex()).read_bytes())
    model = next_model(
        start, means, tuple(sums), tuple(map(str, sums)), opened.exponent, rule_called(rule),
        tolerate, server_named("none@1"), Server(),
    )  # fmt: skip
    return digest(encode_model(model))


def expect_reference(result: RunResult, rule: str, tolerate: int) -> None:
    for attempt in attempts_of(result.folder):
        if attempt.closed is not None:
            made = reference(result.folder, attempt, rule, tolerate)
            assert made == from_text(attempt.closed.model, 32)


@pytest.mark.parametrize("checked", [{}, {"sum_check": "pedersen", "norm_bound": 0.5}])
def test_groups_lead_to_the_model_of_their_plain_means(
    tmp_path: Path, checked: Mapping[str, object]
) -> None:
    result = run(
        "heart10", out=tmp_path / "run", changes=(*SHORT, *ROBUST, masked(groups=3, **checked))
    )
    assert result.outcome == "completed"
    found = verify(result.folder)
    assert (found.ok, found.levels) == (True, {"recomputed": 3})
    assert not codes(found, "fault")
    expect_reference(result, "nnm+trimmed_mean", 1)
    drawn = [attempt.of(Grouped).groups for attempt in attempts_of(result.folder)]
    assert len({tuple(groups.items()) for groups in drawn}) == 3  # lots are drawn every round


def test_whoever_is_silent_from_the_start_leaves_smaller_groups(tmp_path: Path) -> None:
    result = run(
        "heart10", out=tmp_path / "run",
        changes=(*SHORT, *TWENTY, LOOSE, "aggregation.rule=median", "faults.dropout=0.25"),
    )  # fmt: skip
    assert result.outcome == "completed"
    found = verify(result.folder)
    assert found.ok
    assert set(codes(found, "fault")) == {"site.silent"}
    assert all(len(attempt.of(Grouped).groups) == 15 for attempt in attempts_of(result.folder))
    expect_reference(result, "median", 0)


@pytest.mark.parametrize(
    ("attack", "phase", "code"),
    [
        ("dealless_site", "sa.deal", "site.silent"),
        ("withheld_reveal", "reveal", "site.withheld"),
        ("shareless_site", "share", "site.no-shares"),
    ],
)
def test_a_group_below_its_threshold_costs_nobody_else_anything(
    tmp_path: Path, attack: str, phase: str, code: str
) -> None:
    plain = (*SHORT, *TWENTY, LOOSE, "aggregation.rule=median", "training.rounds=2")
    first, _ = attempts_of(run("heart10", out=tmp_path / "honest", changes=plain).folder)
    gone = [name for name, one in first.of(Grouped).groups.items() if one == 2][:2]
    threat = (f"threat.attack={attack}", f"threat.attackers={gone}", "threat.rounds=[1]")
    result = run("heart10", out=tmp_path / "run", changes=(*plain, *threat))
    assert result.outcome == "completed"
    found = verify(result.folder)
    assert (found.ok, found.levels) == (True, {"recomputed": 2})
    assert codes(found, "fault") == [code] * 2
    assert codes(found, "note").count("group.lost") == 1
    attempt = attempts_of(result.folder)[0]
    assert (attempt.of(Grouped).lost, attempt.of(Grouped).groups) == (
        {2: phase},
        first.of(Grouped).groups,
    )
    expect_reference(result, "median", 0)


def test_checked_sums_are_those_of_plain_updates_too(tmp_path: Path) -> None:
    plain = run("heart10", out=tmp_path / "plain", changes=(*SHORT, "faults.dropout=0.2"))
    checked = run(
        "heart10", out=tmp_path / "run",
        changes=(*SHORT, "faults.dropout=0.2", masked(sum_check="pedersen")),
    )  # fmt: skip
    assert checked.model == plain.model
    assert verify(checked.folder).ok


def test_who_commits_to_another_vector_costs_its_group_and_is_not_named(tmp_path: Path) -> None:
    result = run(
        "heart10", out=tmp_path / "run",
        changes=(*SHORT, *ROBUST, masked(groups=3, sum_check="pedersen"),
                 "threat.attack=lying_committer"),
    )  # fmt: skip
    assert result.outcome == "completed"
    found = verify(result.folder)
    assert found.ok
    assert codes(found, "fault") == ["group.refused"] * 3
    for attempt, one in zip(attempts_of(result.folder), found.findings, strict=False):
        assert attempt.of(Grouped).refused == (attempt.of(Grouped).groups["va-2"],)
        assert "va-2" in one.what
    expect_reference(result, "nnm+trimmed_mean", 0)


def test_without_groups_it_ends_the_attempt_and_then_the_study(tmp_path: Path) -> None:
    result = run(
        "heart10", out=tmp_path / "run",
        changes=(*SHORT, masked(sum_check="pedersen"), "threat.attack=lying_committer",
                 "threat.rounds=[2]", "study.max_attempts=2"),
    )  # fmt: skip
    assert result.outcome == "failed"
    found = verify(result.folder)
    assert found.ok
    told = [one.what for one in found.findings if one.code == "round.updates"]
    assert len(told) == 2
    assert "not the sum of what its sites committed to" in told[0]


def test_a_group_whose_sum_is_too_long_is_refused(tmp_path: Path) -> None:
    attack = ("threat.attack=sign_flip", "threat.scale=100")
    result = run(
        "heart10", out=tmp_path / "run",
        changes=(*SHORT, *ROBUST, *attack, masked(groups=3, norm_bound=0.05)),
    )  # fmt: skip
    found = verify(result.folder)
    assert found.ok
    assert set(codes(found, "fault")) == {"group.refused"}
    for attempt in attempts_of(result.folder):
        assert attempt.of(Grouped).refused == (attempt.of(Grouped).groups["va-2"],)


@pytest.mark.parametrize("attack", ["sign_flip", "opt_ipm"])
def test_a_robust_rule_over_groups_holds_where_a_masked_mean_does_not(attack: str) -> None:
    threat = [f"threat.attack={attack}", "threat.attackers=['hungarian-1']"]
    if attack == "sign_flip":
        threat.append("threat.scale=1000")
    mean = (masked(), "aggregation.rule=fedavg", "aggregation.tolerate=0")
    robust = (masked(groups=3), "aggregation.tolerate=1")

    def accuracy(*changes: str) -> float:
        study = prepare(read_study("heart10-robust", ("training.rounds=10", *changes)))
        honest = [name for name in study.sites if name != "hungarian-1"]
        found = measures_on(study, honest, run_without_ledger(study).parameters)
        assert found is not None
        return found["accuracy"] or 0.0

    assert accuracy(*mean) - accuracy(*mean, *threat) > 0.05
    assert accuracy(*robust) - accuracy(*robust, *threat) < 0.02


@pytest.mark.parametrize("phase", ["sa.bind", "sa.keys", "commit", "share"])
def test_a_killed_run_goes_on_in_the_same_groups_under_the_same_commitments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    six = ('data.partition={ by = "split", sites = 6 }', "aggregation.rule=median")
    changes = (*test_masked.SHORT, *six, masked(groups=2, sum_check="pedersen"))
    monkeypatch.setattr(test_masked, "SHORT", changes[:-1])
    folder, kept = tmp_path / "run", dict[OutboxKey, set[bytes]]()
    for after in (False, True):
        test_masked.cut_off(folder, changes[-1], "hungarian-1", phase, after=after)
        for key, name in test_masked.masked_kept(folder).items():
            kept.setdefault(key, set()).add(name)
    result = run("heart", out=folder, changes=changes, resume=True)
    assert verify(folder).ok
    assert all(len(names) == 1 for names in kept.values())
    whole = run("heart", out=tmp_path / "whole", changes=changes)
    assert (result.model, result.app_hash) == (whole.model, whole.app_hash)
