"""The status of a node: read on loopback, by programs of this machine alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import msgspec
import pytest

from collegium.cli.node_lines import status_lines
from collegium.errors import NodeError
from collegium.node.status import (
    ClippedRounds,
    NodeStatus,
    RefusedTransaction,
    SilentMember,
    StudyStatus,
    UnorderedTransaction,
    metrics,
)
from collegium.node.status_page import LOOPBACK, SERVED, StatusPage, ask_status, until_fetched

STUDY = StudyStatus(
    study="heart", phase="vote", round=7, closed_rounds=6, rounds=100, attempt=1, outcome="open",
    model="ab" * 32, waiting=1.5, refused=("studies does not allow 'heart'",), awaited=("cy",),
    silent=(
        SilentMember(
            member="di", speakers="participants", phase="commit", round=4, rounds=3, times=2
        ),
    ),
    clipped=ClippedRounds(rounds=(2, 5), coordinates=12),
)  # fmt: skip
STATUS = NodeStatus(
    member="va", genesis="cd" * 32, version="0", pid=1, state="following", size=12, final_size=10,
    since_final=0.25, cosignatures=("cleveland",), missing=("va",), studies=(STUDY,),
    stalled=70.5, refusals={"already": 3},
    rejected=(
        RefusedTransaction(
            kind="round.vote", study="heart", code="bad-signature", why="of another ledger",
            since="2026-01-01T00:00:00+00:00", count=5,
        ),
    ),
    errors={"va (site)": "no"}, error_count=4, blob_bytes=9,
)  # fmt: skip

SAMPLE = re.compile(r'([a-z_]+)\{((?:[a-z]+="[^"\\\n]*",?)+)\} (\S+)')


@pytest.fixture
def page(tmp_path: Path) -> Iterator[StatusPage]:
    page = StatusPage(tmp_path, 0, lambda: STATUS)
    yield page
    page.close()


def get(page: StatusPage, path: str, host: str | None = None) -> tuple[int, str, str]:
    connection = HTTPConnection(LOOPBACK, page.port, timeout=5)
    connection.request("GET", path, headers={} if host is None else {"Host": host})
    answer = connection.getresponse()
    found = answer.status, answer.headers.get_content_type(), answer.read().decode()
    connection.close()
    return found


def test_whoever_has_the_home_finds_the_page(tmp_path: Path, page: StatusPage) -> None:
    assert ask_status(tmp_path) == STATUS


def test_the_page_is_json(page: StatusPage) -> None:
    status, kind, body = get(page, "/status")
    assert (status, kind) == (200, "application/json")
    assert msgspec.json.decode(body, type=NodeStatus) == STATUS


def test_the_metrics_are_prometheus_text_with_help_and_type_for_each(page: StatusPage) -> None:
    status, kind, body = get(page, "/metrics")
    assert (status, kind) == (200, "text/plain")
    described: set[str] = set()
    values: dict[str, float] = {}
    for line in body.splitlines():
        if line.startswith("# "):
            _, word, name, text = line.split(" ", 3)
            assert word in ("HELP", "TYPE")
            assert text
            described.add(name)
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample, line
        assert sample[1] in described
        assert 'member="va"' in sample[2]
        values[sample[1]] = float(sample[3])
    assert values["collegium_node_following"] == 1
    assert values["collegium_node_entries"] == 12
    assert values["collegium_node_final_entries"] == 10
    assert values["collegium_node_cosignatures_missing"] == 1
    assert values["collegium_node_refused_studies"] == 1
    assert values["collegium_node_stalled_seconds"] == 70.5
    assert values["collegium_node_rejected"] == 1
    assert values["collegium_node_study_failed"] == 0
    assert values["collegium_node_study_awaited_seconds"] == 1.5
    assert values["collegium_node_study_closed_rounds"] == 6
    assert values["collegium_node_study_silent_rounds"] == 3
    assert values["collegium_node_study_clipped_rounds"] == 2
    assert values["collegium_node_rejected_total"] == 3
    assert values["collegium_node_errors_total"] == 4


def test_a_large_ledger_is_counted_exactly() -> None:
    status = msgspec.structs.replace(STATUS, size=123_456_789)
    assert 'collegium_node_entries{member="va"} 123456789' in list(metrics(status))


@pytest.mark.parametrize("host", ["example.org", "example.org:80", "127.0.0.1.example.org:80", ""])
def test_a_web_page_of_elsewhere_cannot_read_it(page: StatusPage, host: str) -> None:
    assert get(page, "/status", host)[0] == 403


def test_other_paths_are_not_there(page: StatusPage) -> None:
    assert get(page, "/secret")[0] == 404


def test_a_port_in_use_is_told(tmp_path: Path, page: StatusPage) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(NodeError) as caught:
        StatusPage(tmp_path / "other", page.port, lambda: STATUS)
    assert caught.value.code == "node.port"


def test_a_node_that_does_not_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(NodeError) as caught:
        ask_status(tmp_path)
    assert caught.value.code == "node.not-running"
    page = StatusPage(tmp_path, 0, lambda: STATUS)
    kept = (tmp_path / SERVED).read_bytes()
    page.close()
    assert not (tmp_path / SERVED).exists()
    (tmp_path / SERVED).write_bytes(kept)  # of a node that was killed
    with pytest.raises(NodeError) as caught:
        ask_status(tmp_path)
    assert caught.value.code == "node.not-running"


def test_status_names_what_is_refused_whom_a_study_awaits_and_that_nothing_becomes_final() -> None:
    said = "\n".join(status_lines(STATUS))
    assert "round.vote of heart is refused (bad-signature) since 2026-01-01T00:00:00" in said
    assert "of another ledger" in said
    assert "awaits  cy, for 2 s" in said
    skips = "skips   di among participants since round 4, commit: 3 rounds closed since; silent 2"
    assert f"{skips} times" in said
    assert "nothing that is due has become final for 70 s" in said
    assert "clipped this site's update in 2 rounds, the last 5: up to 12 coordinates" in said


def test_status_names_what_is_kept_back_and_says_where_nobody_would_see_it() -> None:
    kept = UnorderedTransaction(
        transaction="ab" * 32, kind="update.commit", study="heart", author="bo",
        seen_by=("ada", "cy"), blocks=2, seconds=31.4,
    )  # fmt: skip
    changed = msgspec.structs.replace(STATUS, unordered=(kept,), silencing="over the sequencer")
    said = "\n".join(status_lines(changed))
    assert "update.commit of heart by bo, kept back for 31 s; seen by ada, cy; 2 blocks" in said
    assert "notice    over the sequencer" in said


def test_who_verifies_waits_for_blobs_that_the_node_still_fetches(tmp_path: Path) -> None:
    until_fetched(tmp_path, 12)  # no node runs: what is there is all there is
    asked = [
        msgspec.structs.replace(STATUS, size=11),  # it has not read what the ledger file has
        msgspec.structs.replace(STATUS, fetching_blobs=2),
        STATUS,
    ]
    left = iter(asked)
    page = StatusPage(tmp_path, 0, lambda: next(left))
    try:
        until_fetched(tmp_path, 12)
        assert next(left, None) is None, "it looked until there was nothing to wait for"
        page.close()
        page = StatusPage(tmp_path, 0, lambda: asked[1])
        until_fetched(tmp_path, 12, 0.3)  # what cannot be had is not waited for
        page.close()
        fewer = (msgspec.structs.replace(STATUS, fetching_blobs=n) for n in range(8, -1, -1))
        page = StatusPage(tmp_path, 0, lambda: next(fewer))
        until_fetched(tmp_path, 12, 0.3)  # what comes little by little is
        assert next(fewer, None) is None
    finally:
        page.close()
