"""`collegium audit`: receipts, their checks, policies and tiles, as a user meets them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tests.audit.cosigned import Cosigned, build_cosigned
from tests.cli.conftest import Call, Finished
from tests.commands import collegium, diagnosis, told


@pytest.fixture(scope="session")
def cosigned(tmp_path_factory: pytest.TempPathFactory) -> Cosigned:
    """A small run that a quorum of its members cosigned."""
    return build_cosigned(tmp_path_factory.mktemp("cosigned") / "run")


@pytest.fixture
def receipt(cosigned: Cosigned, tmp_path: Path) -> Path:
    """The receipt of an entry, in a folder of its own."""
    path = tmp_path / "entry.tlog-proof"
    path.write_bytes(cosigned.receipt())
    return path


@pytest.fixture
def policy(cosigned: Cosigned, tmp_path: Path) -> Path:
    """The policy for it."""
    path = tmp_path / "policy"
    path.write_bytes(cosigned.policy)
    return path


def test_from_the_list_of_entries_to_a_checked_receipt(
    call: Call, cosigned: Cosigned, policy: Path
) -> None:
    listed = told(call("audit", "entries", cosigned.folder, "--json"))
    assert [one["index"] for one in listed] == list(range(len(listed)))
    last = listed[-1]
    assert (last["kind"], last["sender"]) == ("study.close", "bo")
    done = call("audit", "receipt", last["id"], cosigned.folder, "--out", "last.tlog-proof")
    assert done.returncode == 0
    assert "cosigned by ada, cy (power 3 of 4)" in done.stdout
    checked = call("audit", "check", "last.tlog-proof", "--policy", policy)
    assert checked.returncode == 0
    lines = checked.stdout.splitlines()
    assert lines[0] == "OK"
    assert "  entry     study.close by bo: study small" in lines
    assert f"  id        {last['id']}" in lines
    assert any(line.startswith("  event     study.closed ") for line in lines)
    assert any("2025-10-09 08:53:20Z by its clock" in line for line in lines)
    assert "  not proven:" in lines


def test_json_has_the_keys_that_are_promised(
    call: Call, cosigned: Cosigned, receipt: Path, policy: Path
) -> None:
    made = told(call("audit", "receipt", "3", cosigned.folder, "--json"))
    assert made["receipt"].encode() == receipt.read_bytes()
    assert made["out"] is None
    assert (made["index"], made["kind"], made["sender"]) == (3, "member.propose", "bo")
    assert set(made["cosigned"]) == {"ada", "cy"}
    assert (made["power"], made["total_power"], made["quorum"]) == (3, 4, True)
    found = told(call("audit", "check", receipt, "--policy", policy, "--json"))
    assert found["ok"] is True
    assert set(found) == {
        "ok", "claims", "log", "index", "size", "root", "entry", "cosigned", "behind", "findings",
        "not_proven",
    }  # fmt: skip
    assert found["entry"]["kind"] == "member.propose"
    assert found["entry"]["id"] == made["id"]
    assert found["entry"]["events"] == []


def test_a_receipt_goes_to_the_screen_whole(call: Call, cosigned: Cosigned, receipt: Path) -> None:
    done = call("audit", "receipt", "3", cosigned.folder)
    assert done.stdout.encode() == receipt.read_bytes()


def test_a_receipt_goes_to_a_pipe_whole_whatever_the_terminal_can_show(
    cosigned: Cosigned, tmp_path: Path, receipt: Path
) -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = collegium("audit", "receipt", "3", cosigned.folder, cwd=tmp_path, env=ascii_only)
    assert done.returncode == 0
    assert done.stdout.encode() == receipt.read_bytes()


def test_a_failed_check_says_why_before_anything_else(
    call: Call, cosigned: Cosigned, receipt: Path, policy: Path
) -> None:
    receipt.write_bytes(receipt.read_bytes().replace(b"index 3", b"index 4"))
    done = call("audit", "check", receipt, "--policy", policy)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[:2] == ["FAILED", "  The receipt proves nothing."]
    assert "[receipt.inclusion]" in lines[2]
    found = told(call("audit", "check", receipt, "--policy", policy, "--json"), status=1)
    assert found["ok"] is False
    assert found["entry"] is None


def test_the_default_engines_run_has_receipts_for_who_kept_its_policy(
    call: Call, finished: Finished
) -> None:
    """Nobody cosigns under `solo`, so only the checkpoint that was kept, or trust, is left."""
    call("audit", "receipt", "0", finished.folder, "--out", "r")
    assert call("audit", "check", "r", "--policy", finished.folder / "policy.json").returncode == 0
    genesis = finished.told["ledger"]["genesis"]
    found = told(call("audit", "check", "r", "--genesis", genesis, "--json"), status=1)
    assert [one["code"] for one in found["findings"]] == ["receipt.quorum"]
    assert call("audit", "policy", finished.folder, "--out", "quorum").returncode == 0
    found = told(call("audit", "check", "r", "--policy", "quorum", "--json"), status=1)
    assert [one["code"] for one in found["findings"]] == ["receipt.quorum"]
    believing = call("audit", "policy", finished.folder, "--log-only", "--out", "log")
    assert "trusts whoever holds the log's key" in believing.stderr
    assert call("audit", "check", "r", "--policy", "log").returncode == 0
    assert call("audit", "policy", finished.folder, "--keep", "--out", "kept").returncode == 0
    assert call("audit", "check", "r", "--policy", "kept").returncode == 0
    assert call("verify", finished.folder, "--policy", "kept").returncode == 0
    found = told(call("verify", finished.folder, "--policy", "quorum", "--json"), status=1)
    assert [one["code"] for one in found["findings"]] == ["final.quorum"]


def test_tiles_are_written_for_a_web_server(call: Call, cosigned: Cosigned) -> None:
    found = told(call("audit", "tiles", cosigned.folder, "--out", "www", "--json"))
    assert found["size"] == 30
    assert found["tiles"] == 2
    assert Path("www/tile/0/000.p/30").stat().st_size == 30 * 32
    assert Path("www/checkpoint").read_text("utf-8") == cosigned.note


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["receipt", "99", "{run}"], "receipt.no-entry"),
        (["receipt", "ab" * 32, "{run}"], "receipt.no-entry"),
        (["receipt", "3", "nowhere"], "run.unreadable"),
        (["receipt", "3", "{run}/ledger.log"], "run.unreadable"),
        (["receipt", "3", "{run}", "--out", "{run}/ledger.log"], "output.exists"),
        (["receipt", "{run}"], "command.usage"),
        (["entries", "nowhere"], "run.unreadable"),
        (["policy", "nowhere"], "run.unreadable"),
        (["policy", "{run}", "--out", "{run}/final"], "output.exists"),
        (["policy", "{run}", "--keep", "--log-only"], "command.usage"),
        (["tiles", "{run}"], "command.usage"),
        (["tiles", "{run}", "--out", "{run}"], "output.exists"),
        (["check", "{receipt}"], "command.usage"),
        (["check", "{receipt}", "--policy", "{policy}", "--genesis", "ab" * 32], "command.usage"),
        (["check", "{receipt}", "--genesis", "12"], "policy.genesis"),
        (["check", "{receipt}", "--policy", "nowhere"], "policy.unreadable"),
        (["check", "{receipt}", "--policy", "{run}"], "policy.unreadable"),
        (["check", "{receipt}", "--policy", "{receipt}"], "policy.malformed"),
        (["check", "{receipt}", "--policy", "{run}/ledger.log"], "policy.malformed"),
        (["check", "nowhere", "--policy", "{policy}"], "receipt.unreadable"),
        (["check", "{run}", "--policy", "{policy}"], "receipt.unreadable"),
        (["mystery"], "command.usage"),
    ],
)
def test_misuse_is_told_in_three_lines(
    call: Call, cosigned: Cosigned, receipt: Path, policy: Path, arguments: list[str], code: str
) -> None:
    places = {"{run}": cosigned.folder, "{receipt}": receipt, "{policy}": policy}
    filled = list(arguments)
    for name, path in places.items():
        filled = [one.replace(name, str(path)) for one in filled]
    done = call("audit", *filled)
    assert diagnosis(done)[0] == code
    assert done.stdout == ""
    assert told(call("audit", *filled, "--json"), status=2)["error"] == code


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe\x00", b"{}", b"c2sp.org/tlog-proof@v1\n", bytes(100_000)]
)
def test_what_is_no_receipt_fails_the_check(call: Call, policy: Path, data: bytes) -> None:
    Path("odd").write_bytes(data)
    found = told(call("audit", "check", "odd", "--policy", policy, "--json"), status=1)
    assert [one["code"] for one in found["findings"]] == ["receipt.malformed"]


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no endless file here")
def test_endless_files_are_read_to_a_limit(call: Call, receipt: Path, policy: Path) -> None:
    found = told(call("audit", "check", "/dev/zero", "--policy", policy, "--json"), status=1)
    assert [one["code"] for one in found["findings"]] == ["receipt.malformed"]
    endless = call("audit", "check", receipt, "--policy", "/dev/zero")
    assert diagnosis(endless)[0] == "policy.unreadable"


@pytest.mark.skipif(os.name != "posix", reason="names need not be text there")
def test_an_odd_name_in_a_policy_does_no_harm(call: Call, receipt: Path, policy: Path) -> None:
    odd = policy.read_bytes().replace(b"witness ada", b"witness a\x80\x9bda")
    policy.write_bytes(odd.replace(b"group Rest-1 1 ada", b"group Rest-1 1 a\x80\x9bda"))
    done = call("audit", "check", receipt, "--policy", policy)
    assert done.returncode == 0
    assert "\x9b" not in done.stdout
    assert told(call("audit", "check", receipt, "--policy", policy, "--json"))["ok"] is True


def test_checking_writes_nothing(call: Call, receipt: Path, policy: Path) -> None:
    folder = receipt.parent
    before = {path: path.stat().st_mtime_ns for path in [folder, *folder.iterdir()]}
    assert call("audit", "check", receipt, "--policy", policy).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in [folder, *folder.iterdir()]} == before


def test_a_copied_folder_gives_the_same_receipt(
    call: Call, cosigned: Cosigned, tmp_path: Path, receipt: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for name in ("ledger.log", "final"):
        shutil.copy(cosigned.folder / name, home)
    assert call("audit", "receipt", "3", home).stdout.encode() == receipt.read_bytes()


def test_audit_alone_shows_its_commands(call: Call) -> None:
    done = call("audit")
    assert done.returncode == 2
    for name in ("entries", "receipt", "check", "policy", "tiles"):
        assert f"\n  {name} " in done.stderr
