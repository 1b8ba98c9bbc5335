"""``collegium sequencer check``: each fault is made for real, in a copy of a home that runs."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from tests.cli.conftest import Call
from tests.cli.test_node_check import (
    Running,
    change,
    check,
    codes,
    consortium,
    everything,
)
from tests.commands import told

from collegium.ledger.frames import read_frames
from collegium.ledger.keyfile import write_secret
from collegium.ledger.ordering import LEDGER
from collegium.network.free_port import free_port
from collegium.transport import authority, checking, sequencer_status
from collegium.transport.authority import certify_server, create_authority

__all__ = ["consortium"]


@pytest.fixture
def home(consortium: Running, tmp_path: Path) -> Path:
    """A copy of the home, as after the sequencer was stopped, with another port."""
    copy = tmp_path / "order"
    shutil.copytree(consortium.sequencer, copy, copy_function=shutil.copy2)
    for name in ("status.json", "address"):
        (copy / name).unlink()
    port = consortium.url.rpartition(":")[2]
    change(copy, f"port = {port}", "port = 0", "sequencer.toml")
    return copy


def test_a_sound_home_is_sound_while_it_runs_and_nothing_in_it_changes(
    call: Call, consortium: Running
) -> None:
    before = everything(consortium.sequencer)
    found = check(call, consortium.sequencer, fails=False, of="sequencer")
    assert everything(consortium.sequencer) == before
    assert codes(found) | codes(found, "warning") | codes(found, "unchecked") == set()
    parts = {one["part"]: one["what"] for all_ in found.values() for one in all_}
    assert set(parts) == {
        "sequencer", "settings", "genesis", "keys", "certificate", "ledger", "clock", "disk",
        "address", "port", "limits",
    }  # fmt: skip
    assert "and orders, version 0." in parts["sequencer"]
    assert parts["ledger"].startswith("follows the genesis: 1 entries final")
    assert parts["certificate"].endswith("for 127.0.0.1")
    assert parts["address"] == f"{consortium.url} answers with the certificate in tls/"


def test_a_home_that_rests_is_sound(call: Call, home: Path) -> None:
    before = everything(home)
    found = check(call, home, fails=False, of="sequencer")
    assert everything(home) == before
    assert codes(found, "warning") | codes(found, "unchecked") == set()
    assert found["sequencer"][0]["what"] == "does not run"
    assert "is free" in found["address"][0]["what"]


def test_a_folder_that_is_no_home_is_told_as_such(call: Call, tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        said = told(call("sequencer", "check", folder, "--json"), status=2)
        assert said["error"] == "sequencer.settings"


def test_what_is_wrong_in_many_places_is_told_at_once(call: Call, home: Path) -> None:
    change(home, "port = 0", "prot = 0", "sequencer.toml")
    (home / "genesis.json").write_text("{}")
    (home / "keys" / "log.pem").chmod(0o644)
    (home / "authority" / "ca.key").chmod(0o640)
    (home / "tls" / "server.pem").write_text("no certificate")
    found = check(call, home, of="sequencer")
    assert codes(found) == {
        "sequencer.settings", "sequencer.genesis", "key.exposed", "transport.tls",
    }  # fmt: skip
    assert "prot" in found["sequencer.settings"][0]["why"]
    assert len(found["key.exposed"]) == 2
    assert codes(found, "unchecked") == {"keys", "ledger", "clock", "address", "port"}


def test_a_log_key_of_another_ledger_is_told(call: Call, home: Path) -> None:
    (home / "keys" / "log.pem").unlink()
    write_secret(home / "keys" / "log.pem", bytes(32), None)
    assert codes(check(call, home, of="sequencer")) == {"sequencer.log-key"}
    (home / "keys" / "log.pem").unlink()
    assert codes(check(call, home, of="sequencer")) == {"key.unreadable"}


@pytest.mark.parametrize("where", ["middle", "empty"])
def test_a_ledger_that_is_damaged_is_told(call: Call, home: Path, where: str) -> None:
    data = bytearray((home / LEDGER).read_bytes())
    if where == "middle":
        data[len(data) // 2] ^= 1
    (home / LEDGER).write_bytes(data[: {"middle": len(data), "empty": 0}[where]])
    found = check(call, home, of="sequencer")
    assert codes(found) == {"sequencer.disk"}
    assert "sequencer init --of" in found["sequencer.disk"][0]["do"]


def test_a_ledger_that_lacks_what_was_final_is_told_and_members_give_the_rest(
    call: Call, home: Path
) -> None:
    data = (home / LEDGER).read_bytes()
    for size in (len(data) - 90, next(read_frames(data)).end):
        (home / LEDGER).write_bytes(data[:size])
        found = check(call, home, fails=False, of="sequencer")
        assert codes(found, "warning") == {"ledger.damaged"}
        (one,) = found["ledger.damaged"]
        assert one["why"] == "it ends after 0 of 1 entries"
        assert "members give it the rest" in one["do"]


def test_a_certificate_that_ended_or_is_of_another_authority_key_or_name_is_told(
    call: Call, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authority, "CERTIFICATE_DAYS", 20)
    renewed = tmp_path / "renewed"
    certify_server(home / "authority", renewed, ["127.0.0.1", "nowhere.invalid"])
    shutil.copy(renewed / "server.pem", home / "tls")
    found = check(call, home, of="sequencer")
    assert codes(found) == {"transport.other-key"}
    shutil.copy(renewed / "server.key", home / "tls")
    found = check(call, home, fails=False, of="sequencer")
    assert codes(found, "warning") == {"transport.ends", "sequencer.unknown-name"}
    assert "nowhere.invalid" in found["sequencer.unknown-name"][0]["what"]
    shutil.rmtree(renewed)
    monkeypatch.setattr(authority, "CERTIFICATE_DAYS", -1)
    monkeypatch.setattr(authority, "_SKEW", timedelta(days=9))
    certify_server(home / "authority", renewed, ["127.0.0.1"])
    for name in ("server.pem", "server.key"):
        shutil.copy(renewed / name, home / "tls")
    assert codes(check(call, home, of="sequencer")) == {"transport.ended"}
    shutil.rmtree(home / "authority")
    create_authority(home / "authority", "other")
    found = check(call, home, of="sequencer")
    assert codes(found) == {"transport.ended", "transport.other-authority"}
    shutil.rmtree(home / "authority")
    assert codes(check(call, home, of="sequencer")) == {"transport.ended"}


@pytest.mark.parametrize(
    ("seconds", "severity"), [(0, "sound"), (-30, "sound"), (-300, "error"), (-9 * 10**6, "error")]
)
def test_a_clock_that_is_behind_those_who_cosigned_is_told(
    call: Call, home: Path, seconds: int, severity: str
) -> None:
    written = (home / "final").stat().st_mtime + seconds
    os.utime(home / "final", (written, written))
    found = check(call, home, fails=severity == "error", of="sequencer")
    (one,) = found.get("clock", []) + found.get("transport.clock", [])
    assert one["severity"] == severity
    assert severity == "sound" or "behind that of va" in one["what"]
    if severity != "sound":
        behind = re.search(r"clock is (\d+) s behind", one["what"])
        assert behind is not None
        assert abs(int(behind[1]) + seconds) <= 2


def test_a_port_that_another_program_has_is_told(call: Call, home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        change(home, "port = 0", f"port = {number}\n[status]\nport = {number}", "sequencer.toml")
        found = check(call, home, of="sequencer")
        assert codes(found) == {"sequencer.port"}
        assert {one["part"] for one in found["sequencer.port"]} == {"address", "port"}
    change(home, '"127.0.0.1"', '"192.0.2.7"', "sequencer.toml")
    found = check(call, home, of="sequencer")
    assert "192.0.2.7" in found["sequencer.port"][0]["what"], "no address of this machine"


def test_one_that_runs_with_other_settings_certificate_or_release_is_told(
    call: Call, home: Path, consortium: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(consortium.sequencer / "status.json", home)
    change(
        home, "port = 0", f"port = {free_port('127.0.0.1')}\n[status]\nport = 1", "sequencer.toml"
    )
    certify_server(home / "authority", home / "tls-2", ["127.0.0.1"])
    for name in ("server.pem", "server.key"):
        shutil.copy(home / "tls-2" / name, home / "tls")
    os.utime(home / "tls" / "server.pem", (1, 1))
    monkeypatch.setattr("collegium.__version__", "9.9")
    found = check(call, home, fails=False, of="sequencer")
    assert codes(found, "warning") == {"sequencer.restart"}
    assert {one["part"] for one in found["sequencer.restart"]} == {"version", "address", "port"}
    assert len(found["sequencer.restart"]) == 4


@pytest.mark.parametrize(
    ("says", "code", "severity"),
    [
        ({"ready": False, "presented": ("bo",)}, "sequencer.waits", "warning"),
        ({"stalled": 61.0, "awaited": ("va",)}, "sequencer.waits", "warning"),
        ({"disk": "ledger.log: No space left on device"}, "sequencer.disk", "error"),
    ],
)
def test_what_one_that_runs_says_of_itself_is_told(
    call: Call, consortium: Running, monkeypatch: pytest.MonkeyPatch, says: dict[str, object],
    code: str, severity: str,
) -> None:  # fmt: skip
    status = sequencer_status.ask_sequencer(consortium.sequencer)
    changed = type(status)(**{**{k: getattr(status, k) for k in status.__struct_fields__}, **says})
    monkeypatch.setattr(checking, "ask_sequencer", lambda home: changed)
    found = check(call, consortium.sequencer, fails=severity == "error", of="sequencer")
    assert codes(found, severity) == {code}


def test_one_that_was_killed_is_told(call: Call, home: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    (home / "status.json").write_text(f'{{"pid":{gone.pid},"port":{free_port("127.0.0.1")}}}')
    found = check(call, home, fails=False, of="sequencer")
    assert codes(found, "warning") == {"sequencer.not-running"}
    assert "see what sequencer.log says last" in found["sequencer.not-running"][0]["do"]


def test_a_disk_with_little_room_is_told(
    call: Call, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for left, code in ((2**29, "home.fills"), (2**20, "sequencer.disk")):
        usage = type(shutil.disk_usage("."))(2**40, 2**40 - left, left)
        monkeypatch.setattr(shutil, "disk_usage", lambda _, usage=usage: usage)
        severity = "error" if left < 2**28 else "warning"
        found = check(call, home, fails=severity == "error", of="sequencer")
        assert codes(found, severity) == {code}
