"""The alert rules of the docs are silent on a healthy consortium, and each can fire."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from time import monotonic, sleep

import msgspec
import pytest
from tests.network.trials import started, trial
from tests.node.live import is_closed, live
from tests.node.test_loop import MORE, allow, propose
from tests.node.test_status_page import STATUS, STUDY
from tests.operations.alert_rules import (
    RULES,
    RULES_FILE,
    firing,
    read_page,
    read_rules,
    scrape,
)

from collegium.network.record import home_of
from collegium.network.watch import statuses, study_of
from collegium.node.status import UnorderedTransaction, metrics
from collegium.transport.sequencer_status import SequencerStatus, sequencer_metrics

DASHBOARD = RULES_FILE.with_name("dashboard.json")

CALM = msgspec.structs.replace(
    STATUS, certificate_days=800.0, missing=(), stalled=0.0, rejected=(), errors={},
    studies=(msgspec.structs.replace(STUDY, awaited=(), silent=()),),
)  # fmt: skip
UNORDERED = (
    UnorderedTransaction(
        transaction="ab" * 32, kind="update.commit", study="heart", author="va",
        seen_by=("cleveland", "hungarian", "va"), blocks=2, seconds=31.0,
    ),
)  # fmt: skip
SEQUENCER = SequencerStatus(
    ready=True,
    size=3,
    final=3,
    waiting=0,
    presented=(),
    cosigned=(),
    awaited=(),
    disk="",
    certificate_days=800.0,
)


def of(lines: Iterable[str]) -> set[str]:
    """Return which rules are true of a page, as if each had lasted."""
    return set(firing(read_page(lines)))


def test_no_rule_is_true_of_a_healthy_consortium_at_any_look(tmp_path: Path) -> None:
    with live(tmp_path / "live") as within:
        within.until(lambda status: status.state == "following")
        allow(within)
        propose(within, *MORE)
        looks, closed = 0, False
        while not closed:
            statuses = [node.status for node in within.nodes.values()]
            for status in statuses:
                assert of(metrics(status)) == set(), status
                looks += 1
            closed = all(is_closed(status) for status in statuses)
            sleep(0.02)
        assert looks > 40


@pytest.mark.long
def test_no_rule_is_true_of_healthy_processes_at_any_look(tmp_path: Path) -> None:
    folder, looks, closed = tmp_path / "up", 0, False
    with trial(folder, MORE):
        record = started(folder)
        homes = [*(home_of(folder, name) for name in record.members), folder / "sequencer"]
        until = monotonic() + 120
        while not closed:
            for home in homes:
                samples = scrape(home)
                assert firing(samples) == {}, samples
                looks += 1
            known = [study_of(one, record.study) for one in statuses(folder, record).values()]
            closed = all(one is not None and one.phase == "closed" for one in known)
            assert monotonic() < until
            sleep(0.05)
    assert looks > 40


@pytest.mark.parametrize(
    ("change", "alert"),
    [
        ({"state": "away"}, "NodeDoesNotFollow"),
        ({"state": "halted"}, "SequencerLied"),
        ({"stalled": 121.0}, "NothingBecomesFinal"),
        ({"missing": ("va",)}, "ValidatorSilent"),
        ({"unordered": UNORDERED}, "MemberSilenced"),
        ({"studies": (msgspec.structs.replace(STUDY, waiting=301.0),)}, "MemberAwaited"),
        ({"studies": (STUDY,)}, "MemberSkipped"),
        ({"studies": (msgspec.structs.replace(STUDY, outcome="failed"),)}, "StudyFailed"),
        ({"rejected": STATUS.rejected}, "OwnTransactionsRefused"),
        ({"errors": {"policy": "no"}}, "SomethingFails"),
        ({"equivocations": ("va/x",)}, "Equivocation"),
        ({"evidence": ("fork-1",)}, "EvidenceKept"),
        ({"missing_for": 901.0}, "BlobsMissing"),
        ({"studies": (msgspec.structs.replace(STUDY, stopped="it"),)}, "StudyStopped"),
        ({"room_percent": 81.0}, "HomeFills"),
        ({"certificate_days": 29.0}, "CertificateEnds"),
    ],
)
def test_each_rule_of_a_node_fires(change: dict[str, object], alert: str) -> None:
    assert of(metrics(CALM)) == set()
    assert alert in of(metrics(msgspec.structs.replace(CALM, **change)))


@pytest.mark.parametrize(
    ("change", "alert"),
    [
        ({"disk": "ledger.log: No space left on device"}, "SequencerDisk"),
        ({"ready": False}, "SequencerNotReady"),
        ({"stalled": 121.0}, "SequencerAwaitsQuorum"),
        ({"certificate_days": 29.0}, "SequencerCertificateEnds"),
    ],
)
def test_each_rule_of_a_sequencer_fires(change: dict[str, object], alert: str) -> None:
    assert of(sequencer_metrics(SEQUENCER)) == set()
    changed = msgspec.structs.replace(SEQUENCER, **change)
    assert of(sequencer_metrics(changed)) == {alert}


def test_every_rule_and_panel_is_of_a_metric_that_there_is() -> None:
    text = "\n".join([*metrics(CALM), *sequencer_metrics(SEQUENCER)])
    panels = json.loads(DASHBOARD.read_text())["panels"]
    named = {one.metric for one in RULES.values()} - {"up"}
    for name in [*named, *(one["targets"][0]["expr"] for one in panels)]:
        assert f"# TYPE {name} " in text, name


@pytest.mark.parametrize(
    "rule",
    [
        "rate(collegium_node_failing[5m]) > 0",
        "collegium_node_failing > 0 and on(member) collegium_node_halted == 1",
        "collegium_node_failing >= 1",
        "sum(collegium_node_failing) > 0",
    ],
)
def test_an_expression_that_is_not_evaluated_here_is_refused(rule: str) -> None:
    text = RULES_FILE.read_text()
    assert read_rules(text) == RULES
    with pytest.raises(ValueError, match="not evaluated here"):
        read_rules(text.replace("collegium_node_failing > 0", rule))
    with pytest.raises(ValueError, match="no sample"):
        list(read_page([*metrics(CALM), "collegium_node_failing"]))


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool here")
def test_prometheus_reads_the_rules_and_the_pages() -> None:
    subprocess.run(["promtool", "check", "rules", RULES_FILE], check=True, timeout=60)
    text = "".join(f"{one}\n" for one in [*metrics(CALM), *sequencer_metrics(SEQUENCER)])
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, text=True, timeout=60, check=False,
        capture_output=True,
    )  # fmt: skip
    assert done.returncode in (0, 3), done.stderr  # 3: it reads them, and would name some otherwise
