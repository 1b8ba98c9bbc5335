"""The alert rules of the docs are silent on a healthy consortium, and each can fire."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Iterable
from pathlib import Path
from time import monotonic, sleep

import msgspec
import pytest
from tests.network.trials import started, trial
from tests.node.live import is_closed, live
from tests.node.test_loop import MORE, allow, propose
from tests.node.test_status_page import STATUS, STUDY

from collegium.network.record import home_of
from collegium.network.watch import statuses, study_of
from collegium.node.status import UnorderedTransaction, metrics
from collegium.transport.loopback_page import ask_page
from collegium.transport.sequencer_status import SequencerStatus, sequencer_metrics

DOCS = Path(__file__).parents[2] / "docs" / "operations"
RULE = re.compile(r"- alert: (\w+)\n +expr: (\w+) (==|>|<) (\d+)\n")
RULES = {name: rest for name, *rest in RULE.findall((DOCS / "alerts.yml").read_text())}
COMPARED = {"==": operator.eq, ">": operator.gt, "<": operator.lt}

CALM = msgspec.structs.replace(
    STATUS, certificate_days=800.0, missing=(), stalled=0.0, rejected=(), errors={},
    studies=(msgspec.structs.replace(STUDY, awaited=()),),
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


def firing(lines: Iterable[str]) -> set[str]:
    """Return which rules are true of samples, as if each had lasted."""
    samples = [line for line in lines if not line.startswith("#")]
    found = set()
    for name, (metric, compared, bound) in RULES.items():
        values = [
            float(one.rsplit(" ", 1)[1]) for one in samples if re.match(rf"{metric}[ {{]", one)
        ]
        if any(COMPARED[compared](value, float(bound)) for value in values):
            found.add(name)
    return found


def test_no_rule_is_true_of_a_healthy_consortium_at_any_look(tmp_path: Path) -> None:
    with live(tmp_path / "live") as within:
        within.until(lambda status: status.state == "following")
        allow(within)
        propose(within, *MORE)
        looks, closed = 0, False
        while not closed:
            statuses = [node.status for node in within.nodes.values()]
            for status in statuses:
                assert firing(metrics(status)) == set(), status
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
                text = ask_page(home, "/metrics", 5).decode()
                assert firing(text.splitlines()) == set(), text
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
        ({"studies": (msgspec.structs.replace(STUDY, waiting=901.0),)}, "MemberAwaited"),
        ({"studies": (msgspec.structs.replace(STUDY, outcome="failed"),)}, "StudyFailed"),
        ({"rejected": STATUS.rejected}, "OwnTransactionsRefused"),
        ({"errors": {"policy": "no"}}, "SomethingFails"),
        ({"equivocations": ("va/x",)}, "Equivocation"),
        ({"room_percent": 81.0}, "HomeFills"),
        ({"certificate_days": 29.0}, "CertificateEnds"),
    ],
)
def test_each_rule_of_a_node_fires(change: dict[str, object], alert: str) -> None:
    assert firing(metrics(CALM)) == set()
    assert alert in firing(metrics(msgspec.structs.replace(CALM, **change)))


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
    assert firing(sequencer_metrics(SEQUENCER)) == set()
    changed = msgspec.structs.replace(SEQUENCER, **change)
    assert firing(sequencer_metrics(changed)) == {alert}


def test_every_rule_and_panel_is_of_a_metric_that_there_is() -> None:
    text = "\n".join([*metrics(CALM), *sequencer_metrics(SEQUENCER)])
    assert len(RULES) == (DOCS / "alerts.yml").read_text().count("alert:") == 16
    panels = json.loads((DOCS / "dashboard.json").read_text())["panels"]
    for name in [*(metric for metric, *_ in RULES.values()),
                 *(one["targets"][0]["expr"] for one in panels)]:  # fmt: skip
        assert f"# TYPE {name} " in text, name
