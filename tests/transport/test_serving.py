"""A sequencer as a process: made, founded, started, killed, started again, by its commands."""

from __future__ import annotations

import json
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import msgspec
import pytest
from tests.ledger.contract.kit import envelope, four_equals, member
from tests.ledger.contract.moves import TERMS
from tests.transport.kit import At, certify_member

from collegium.canonical import from_text
from collegium.errors import CollegiumError, RunError
from collegium.ledger.contract.transactions import StudyRegister
from collegium.ledger.engines.log.delivery import MemberPosition
from collegium.ledger.genesis import genesis_digest
from collegium.ledger.ordering import Ordered, OrderingMisbehaved
from collegium.transport.client import HttpsConnection, connect
from collegium.transport.home import found_ledger, make_home, read_settings
from collegium.transport.loopback_page import ask_page


def collegium(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "collegium", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@contextmanager
def running(home: Path, largest_file: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run the sequencer of a home, and wait until it listens.

    No file that it writes grows above `largest_file` bytes: what a full disk does, at one place.
    """
    command = [sys.executable, "-m", "collegium", "sequencer", "start", str(home)]
    (home / "address").unlink(missing_ok=True)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        if largest_file is not None:  # from outside: another test's threads forbid a fork in Python
            most = (largest_file, resource.RLIM_INFINITY)
            resource.prlimit(child.pid, resource.RLIMIT_FSIZE, most)
        try:
            end = monotonic() + 30
            while not (home / "address").exists():
                assert child.poll() is None, child.stderr.read() if child.stderr else ""
                assert monotonic() < end
                sleep(0.05)
            yield child
        finally:
            if child.poll() is None:
                child.kill()


def connected(home: Path, who: str = "ada") -> HttpsConnection:
    tls = home.parent / f"tls-{who}"
    if not tls.exists():
        certify_member(home / "authority", tls, who)
    return connect(tls, At((home / "address").read_text().strip()))


def made(tmp_path: Path) -> Path:
    """Make a sequencer and a consortium by the commands that an operator types."""
    home = tmp_path / "sequencer"
    told = json.loads(
        collegium("sequencer", "init", home, "--host", "127.0.0.1", "--port", "0", "--json").stdout
    )
    assert len(from_text(told["log"], 32)) == 32
    cards = []
    for name in ("ada", "bo", "cy", "di"):
        cards.append(tmp_path / f"{name}.json")
        cards[-1].write_bytes(msgspec.json.encode(member(name)))
    told = json.loads(collegium("sequencer", "found", home, *cards, "--json").stdout)
    assert told["members"] == ["ada", "bo", "cy", "di"]
    return home


def test_what_it_has_acknowledged_survives_its_being_killed(tmp_path: Path) -> None:
    home = made(tmp_path)
    world = four_equals()
    genesis = msgspec.json.decode((home / "genesis.json").read_bytes())
    assert genesis["keys"] == "held"
    everybody = ("ada", "bo", "cy")
    with running(home) as child:
        lines = {name: connected(home, name) for name in everybody}
        for line in lines.values():
            assert line.present(MemberPosition()) is None
        world.identity = _identity(home)
        data = envelope(world, "ada", StudyRegister, **{**TERMS, "study": "heart"})
        assert lines["ada"].submit([data]) == [Ordered(0)]
        child.kill()
        child.wait(30)
        for line in lines.values():
            line.close()
    with running(home) as child:
        lines = {name: connected(home, name) for name in everybody}
        for line in lines.values():
            assert line.present(MemberPosition()) is None
        assert lines["ada"].submit([data]) == [Ordered(0)]
        for line in lines.values():
            line.close()
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == 0
    assert not (home / "address").exists()
    events = [json.loads(line) for line in (home / "sequencer.log").read_text().splitlines()]
    assert [one["event"] for one in events].count("listening") == 2
    assert events[-1]["event"] == "stopped"


def _identity(home: Path) -> bytes:
    return genesis_digest((home / "genesis.json").read_bytes())


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda home: (home / "sequencer.toml").unlink(), "sequencer.settings"),
        (lambda home: (home / "sequencer.toml").write_text("[listen"), "sequencer.settings"),
        (
            lambda home: (home / "sequencer.toml").write_text('[listen]\nhost = "h"\nport = 70000'),
            "sequencer.settings",
        ),
        (lambda home: (home / "genesis.json").unlink(), "sequencer.genesis"),
        (lambda home: (home / "genesis.json").write_text("{}"), "sequencer.genesis"),
        (lambda home: (home / "keys" / "log.pem").chmod(0o644), "key.exposed"),
        (lambda home: (home / "keys" / "log.pem").unlink(), "key.unreadable"),
        (lambda home: (home / "tls" / "server.pem").write_text("no"), "transport.tls"),
    ],
)
def test_a_home_that_is_not_complete_is_refused_in_three_lines(
    tmp_path: Path, spoil: Any, code: str
) -> None:
    home = tmp_path / "home"
    key = make_home(home, ["127.0.0.1"], 0)
    found_ledger(home, "test", [member(name) for name in ("ada", "bo", "cy", "di")], key)
    spoil(home)
    done = collegium("sequencer", "start", home)
    assert done.returncode == 2
    assert f"[{code}]" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_is_made_twice(tmp_path: Path) -> None:
    home = tmp_path / "home"
    key = make_home(home, ["127.0.0.1"], 0)
    people = [member("ada")]
    found_ledger(home, "test", people, key)
    with pytest.raises(RunError):
        make_home(home, ["127.0.0.1"])
    with pytest.raises(RunError):
        found_ledger(home, "test", people, key)
    assert read_settings(home).listen.host == "127.0.0.1"


@pytest.mark.parametrize("section", ["listen", "status"])
def test_what_is_no_port_is_refused_by_its_name(tmp_path: Path, section: str) -> None:
    home = tmp_path / "home"
    make_home(home, ["127.0.0.1"], 0)
    settings = home / "sequencer.toml"
    text = settings.read_text().replace("port = 0", "port = 1\n[status]\nport = 2")
    before, at, after = text.partition("port = 1" if section == "listen" else "port = 2")
    settings.write_text(text)
    assert read_settings(home).status.port == 2
    settings.write_text(f"{before}{at.replace(at[-1], '65536')}{after}")
    with pytest.raises(RunError) as refused:
        read_settings(home)
    assert refused.value.why == f"{section}.port is no port"


def test_a_port_of_the_status_page_that_is_taken_is_named(tmp_path: Path) -> None:
    home = made(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (home / "sequencer.toml").open("a") as file:
            file.write(f"[status]\nport = {port}\n")
        done = collegium("sequencer", "start", home)
    assert done.returncode == 2
    first = f"error: the status page cannot listen on port {port} [sequencer.port]"
    assert done.stderr.startswith(first), done.stderr


def present(home: Path) -> dict[str, HttpsConnection]:
    """Connect three of four, who have nothing yet: enough for it to order."""
    lines = {name: connected(home, name) for name in ("ada", "bo", "cy")}
    for line in lines.values():
        line.present(MemberPosition())
    return lines


def registered(home: Path, study: str) -> bytes:
    world = four_equals()
    world.identity = _identity(home)
    return envelope(world, "ada", StudyRegister, **{**TERMS, "study": study})


def status(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(collegium("sequencer", "status", home, "--json").stdout)
    return found


def test_its_operator_sees_how_it_stands_and_ends_it_and_two_are_refused(tmp_path: Path) -> None:
    home = made(tmp_path)
    none = collegium("sequencer", "status", home)
    assert (none.returncode, "[sequencer.not-running]" in none.stderr) == (2, True)
    with running(home) as child:
        second = collegium("sequencer", "start", home)
        assert second.returncode == 2
        assert "[sequencer.busy]" in second.stderr
        lines = present(home)
        lines["ada"].submit([registered(home, "heart")])
        found = status(home)
        assert (found["ready"], found["size"], found["final"]) == (True, 1, 0)
        assert found["awaited"] == ["ada", "bo", "cy", "di"]
        assert "awaits    cosignatures of ada" in collegium("sequencer", "status", home).stdout
        for line in lines.values():
            line.close()
        metrics = ask_page(home, "/metrics", 5).decode()
        assert "collegium_sequencer_awaited 4" in metrics
        assert json.loads(collegium("sequencer", "stop", home, "--json").stdout) == {
            "ended": child.pid
        }
        assert child.wait(30) == 0


def test_a_disk_that_rots_under_it_is_named_and_is_no_lie(tmp_path: Path) -> None:
    home = made(tmp_path)
    with running(home):
        lines = present(home)
        lines["ada"].submit([registered(home, "heart")])
        assert lines["bo"].blocks(0, 0)
        path = home / "ledger.log"
        data = bytearray(path.read_bytes())
        data[-300] ^= 4
        path.write_bytes(data)
        with pytest.raises(CollegiumError, match="disk") as told:
            lines["bo"].blocks(0, 0)
        assert told.value.code == "sequencer.disk"
        assert not isinstance(told.value, OrderingMisbehaved)
        assert "ledger.log" in status(home)["disk"]
        assert "collegium_sequencer_disk_fails 1" in ask_page(home, "/metrics", 5).decode()
        for line in lines.values():
            line.close()
    assert '"disk fails"' in (home / "sequencer.log").read_text()
    again = collegium("sequencer", "start", home)
    assert (again.returncode, "[sequencer.disk]" in again.stderr) == (2, True), again.stderr
    assert str(path) in again.stderr


def test_a_disk_that_is_full_is_named_and_what_is_said_again_is_taken_after(
    tmp_path: Path,
) -> None:
    home, data = made(tmp_path), b""
    with running(home):
        pass
    size = (home / "ledger.log").stat().st_size
    with running(home, largest_file=size + 100):
        lines, data = present(home), registered(home, "heart")
        with pytest.raises(CollegiumError) as told:
            lines["ada"].submit([data])
        assert told.value.code == "sequencer.disk"
        assert str(home / "ledger.log") in status(home)["disk"]
        assert lines["bo"].blocks(0, 0) is None, "it goes on, with what it holds"
        for line in lines.values():
            line.close()
    assert (home / "ledger.log").stat().st_size == size, "half a block is no block"
    with running(home):
        lines = present(home)
        assert lines["ada"].submit([data]) == [Ordered(0)]
        assert status(home)["disk"] == ""
        for line in lines.values():
            line.close()
