"""A sequencer as a process: made, founded, started, killed, started again, by its commands."""

from __future__ import annotations

import json
import signal
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
from tests.transport.kit import At

from collegium.canonical import from_text
from collegium.errors import RunError
from collegium.ledger.contract.transactions import StudyRegister
from collegium.ledger.engines.log.delivery import MemberPosition
from collegium.ledger.genesis import genesis_digest
from collegium.ledger.ordering import Ordered
from collegium.transport.authority import certify_client
from collegium.transport.client import HttpsConnection, connect
from collegium.transport.home import found_ledger, make_home, read_settings


def collegium(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "collegium", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@contextmanager
def running(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the sequencer of a home, and wait until it listens."""
    command = [sys.executable, "-m", "collegium", "sequencer", "start", str(home)]
    (home / "address").unlink(missing_ok=True)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
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
        certify_client(home / "authority", tls, who)
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
