"""A member's file that is damaged on the disk: healed from the others, or clearly refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest
from tests.network.cables import change_settings
from tests.network.perturbing import begin, child_of
from tests.network.trials import FOR_ALL, MEMBERS, no_progress, started, trial

from collegium.ledger.ordering import LEDGER
from collegium.network.processes import is_alive, last_lines, stop
from collegium.network.record import home_of, read_record
from collegium.network.trial import verify_members
from collegium.network.watch import statuses, wait_closed
from collegium.transport.log_engine import SEQUENCER


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A consortium that has trained, and runs."""
    folder = tmp_path_factory.mktemp("damage") / "trial"
    with trial(folder, FOR_ALL):
        record = started(folder)
        assert wait_closed(folder, record, no_progress).outcome == "completed"
        yield folder


def spoil(path: Path) -> None:
    """Change a byte in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def until_well(folder: Path, seconds: float = 60.0) -> None:
    """Wait until all follow, and every home verifies and holds one ledger."""
    until = monotonic() + seconds
    while True:
        found = statuses(folder, read_record(folder)).values()
        ledgers = {
            (home_of(folder, name) / LEDGER).read_bytes()
            for name in MEMBERS
            if (home_of(folder, name) / LEDGER).exists()
        }
        sound = all(
            one is not None and one.state == "following" and not one.missing_blobs for one in found
        )
        if sound and len(ledgers) == 1:
            break
        assert monotonic() < until, found
        sleep(0.1)
    verified = verify_members(folder, read_record(folder))
    assert all(one.ok for one in verified.values()), verified


def blob(folder: Path) -> Path:
    """The model that was released, in a home."""
    status = statuses(folder, read_record(folder))["cleveland"]
    assert status is not None
    return home_of(folder, "va") / "blobs" / status.studies[0].model


@pytest.mark.parametrize(
    "damaged",
    [
        LEDGER,
        "blob",
        pytest.param("final", marks=pytest.mark.long),
        pytest.param("cosigned", marks=pytest.mark.long),
    ],
)
def test_what_was_damaged_while_it_was_stopped_is_healed(folder: Path, damaged: str) -> None:
    path = blob(folder) if damaged == "blob" else home_of(folder, "va") / damaged
    before = path.read_bytes()
    stop([child_of(folder, "va")])
    if damaged == "final":
        path.write_bytes(before[:40] + before[60:])  # no note any more
    else:
        spoil(path)
    begin(folder, "va")
    until_well(folder)
    if damaged in (LEDGER, "blob"):
        assert path.read_bytes() == before
    if damaged == LEDGER:
        assert (home_of(folder, "va") / "evidence" / "damaged-1.log").exists(), "it is kept"
        assert "damaged" in (home_of(folder, "va") / "node.log").read_text()


@pytest.mark.long
def test_what_nobody_else_has_is_refused_in_clear_words(folder: Path) -> None:
    path = home_of(folder, "va") / "outbox"
    before = path.read_bytes()
    stop([child_of(folder, "va")])
    spoil(path)
    child = begin(folder, "va")
    until = monotonic() + 30
    while is_alive(child):
        assert monotonic() < until
        sleep(0.05)
    said = "\n".join(last_lines(child))
    assert "[outbox.corrupt]" in said
    assert "restore the home from its backup" in said
    path.write_bytes(before)
    begin(folder, "va")
    until_well(folder)


@pytest.mark.long
def test_a_ledger_that_is_damaged_under_a_running_node_is_noticed_and_healed(
    folder: Path,
) -> None:
    path = home_of(folder, "hungarian") / LEDGER
    before = path.read_bytes()
    spoil(path)
    until = monotonic() + 120
    while (path.exists() and path.read_bytes() != before) or not path.exists():
        assert monotonic() < until
        sleep(0.5)
    until_well(folder)
    assert "damaged" in (home_of(folder, "hungarian") / "node.log").read_text()


def scrub_soon(folder: Path, name: str) -> None:
    """Let a member read its blobs again all the time."""
    if "scrub" not in (home_of(folder, name) / "node.toml").read_text():
        stop([child_of(folder, name)])
        change_settings(folder, name, "[timers]", "[timers]\nscrub = 0.5")
        begin(folder, name)
    until_well(folder)


@pytest.mark.parametrize(
    "harm", [spoil, pytest.param(Path.unlink, marks=pytest.mark.long)], ids=["spoiled", "gone"]
)
def test_a_blob_that_is_damaged_under_a_running_node_is_noticed_and_healed(
    folder: Path, harm: Callable[[Path], None]
) -> None:
    scrub_soon(folder, "va")
    path = blob(folder)
    before = path.read_bytes()
    harm(path)
    until = monotonic() + 30
    while not path.exists() or path.read_bytes() != before:
        assert monotonic() < until
        sleep(0.05)
    assert "blob damaged" in (home_of(folder, "va") / "node.log").read_text()
    until_well(folder)


@pytest.mark.long
def test_what_the_relay_has_lost_it_gets_back_from_a_member(folder: Path) -> None:
    scrub_soon(folder, "cleveland")
    path = folder / SEQUENCER / "blobs" / blob(folder).name
    before = path.read_bytes()
    path.unlink()
    until = monotonic() + 30
    while not path.exists() or path.read_bytes() != before:
        assert monotonic() < until
        sleep(0.05)
