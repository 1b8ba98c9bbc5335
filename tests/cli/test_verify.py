"""`collegium verify`: what it says, with which status, and that it only reads."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Call, Finished
from tests.commands import QUICK, diagnosis, told

from collegium.plugins import BUILT_IN

ELSEWHERE = ("--set", "consensus.engine=elsewhere")

SEVERITIES = {"error", "fault", "note"}


@pytest.fixture
def copy(finished: Finished, tmp_path: Path) -> Path:
    """A copy of the finished run that a test may spoil."""
    return Path(shutil.copytree(finished.folder, tmp_path / "copy"))


def test_json_has_the_keys_that_are_promised(call: Call, finished: Finished) -> None:
    found = told(call("verify", finished.folder, "--json"))
    assert found["ok"] is True
    assert found["anchored"] == "none"
    assert found["complete"] is True
    assert found["checked"]["rounds"] == 2
    assert found["checked"]["votes"] == 8
    assert found["checked"]["entries"] == finished.told["ledger"]["entries"]
    assert all(isinstance(count, int) for count in found["checked"].values())
    assert found["levels"] == {"recomputed": 2}
    assert found["findings"] == []
    assert any("data are real" in text for text in found["not_proven"])
    assert found["model"] == finished.told["model"]
    assert found["app_hash"] == finished.told["ledger"]["app_hash"]


def test_people_are_told_the_verdict_first_and_then_what_is_not_proven(
    call: Call, finished: Finished
) -> None:
    done = call("verify", finished.folder)
    assert done.returncode == 0
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0] == "CONSISTENT ONLY"
    checked = lines[lines.index("  checked:") + 1 : lines.index("  rounds    2 recomputed")]
    assert "    - 2 rounds; the levels below say what is proven of each" in checked
    assert "    - 8 votes on a round's result, compared with it" in checked
    assert all(line.startswith("    - ") and line[6].isdigit() for line in checked)
    assert "not proven:" in done.stdout.partition("anchored")[2]


def test_a_trust_root_anchors_the_run(call: Call, finished: Finished) -> None:
    genesis = finished.told["ledger"]["genesis"]
    policy = finished.folder / "policy.json"
    by_genesis = told(call("verify", finished.folder, "--genesis", genesis, "--json"))
    by_policy = told(call("verify", finished.folder, "--policy", policy, "--json"))
    assert (by_genesis["verdict"], by_policy["verdict"]) == ("anchored", "anchored")
    assert by_genesis["anchored"] == "genesis"
    assert by_policy["anchored"] == "checkpoint"


def test_another_genesis_than_the_trusted_one_fails(call: Call, finished: Finished) -> None:
    found = told(call("verify", finished.folder, "--genesis", "ab" * 32, "--json"), status=1)
    assert found["ok"] is False
    assert found["verdict"] == "not_verified"
    assert [one["code"] for one in found["findings"]] == ["anchor.genesis"]
    done = call("verify", finished.folder, "--genesis", "ab" * 32)
    assert done.stdout.splitlines()[0] == "NOT VERIFIED"


def test_findings_say_code_severity_what_and_where(call: Call, copy: Path) -> None:
    blob = sorted((copy / "blobs").iterdir())[0]
    blob.write_bytes(b"something else")
    found = told(call("verify", copy, "--json"), status=1)
    assert found["ok"] is False
    for finding in found["findings"]:
        assert list(finding) == ["code", "severity", "what", "where", "subject", "parameters"]
        assert finding["severity"] in SEVERITIES
    (altered,) = [one for one in found["findings"] if one["code"] == "blob.altered"]
    assert altered["subject"] == {"kind": "file", "path": f"blobs/{blob.name}"}
    assert altered["where"] == f"blobs/{blob.name}"
    shown = call("verify", copy)
    assert shown.returncode == 1
    assert shown.stdout.startswith("NOT VERIFIED\n")
    assert "[blob.altered]" in shown.stdout


def test_a_stray_blob_is_noted_and_does_no_harm(call: Call, copy: Path) -> None:
    stray = copy / "blobs" / "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    stray.touch()
    found = told(call("verify", copy, "--json"))
    assert [(one["code"], one["severity"]) for one in found["findings"]] == [("blob.stray", "note")]


def test_an_incomplete_history_fails_unless_it_is_allowed(call: Call, copy: Path) -> None:
    ledger = copy / "ledger.log"
    ledger.write_bytes(ledger.read_bytes()[:-600])
    found = told(call("verify", copy, "--json"), status=1)
    assert found["complete"] is False
    assert "ledger.incomplete" in {one["code"] for one in found["findings"]}
    partial = told(call("verify", copy, "--partial", "--json"))
    assert partial["ok"] is True
    assert partial["complete"] is False


@pytest.mark.parametrize("content", [b"", b"\0", b"not a ledger at all", bytes(1000)])
def test_whatever_ledger_log_holds_there_is_a_verdict(
    call: Call, tmp_path: Path, content: bytes
) -> None:
    folder = tmp_path / "odd"
    (folder / "blobs").mkdir(parents=True)
    (folder / "ledger.log").write_bytes(content)
    found = told(call("verify", folder, "--json"), status=1)
    assert found["ok"] is False
    assert found["findings"]


def test_only_ledger_and_blobs_are_needed(call: Call, copy: Path, tmp_path: Path) -> None:
    handed_on = tmp_path / "handed-on"
    handed_on.mkdir()
    shutil.copytree(copy / "blobs", handed_on / "blobs")
    shutil.copy(copy / "ledger.log", handed_on)
    assert told(call("verify", handed_on, "--json"))["levels"] == {"recomputed": 2}


def test_it_writes_nothing(call: Call, copy: Path) -> None:
    def seen() -> dict[str, tuple[int, int]]:
        return {
            str(path): (path.stat().st_mtime_ns, path.stat().st_size)
            for path in [copy, *copy.rglob("*")]
        }

    for path in [copy, *copy.rglob("*")]:
        path.chmod(0o500 if path.is_dir() else 0o400)
    before = seen()
    try:
        assert call("verify", copy).returncode == 0
        assert seen() == before
    finally:
        for path in [copy, *copy.rglob("*")]:
            path.chmod(stat.S_IRWXU)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to the superuser")
def test_a_blob_that_may_not_be_read_is_named(call: Call, copy: Path) -> None:
    blob = sorted((copy / "blobs").iterdir())[0]
    blob.chmod(0)
    done = call("verify", copy)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nowhere"], "run.unreadable"),
        (["{run}/ledger.log"], "run.unreadable"),
        (["{run}", "--genesis", "12"], "policy.genesis"),
        (["{run}", "--genesis", "xy" * 32], "policy.genesis"),
        (["{run}", "--policy", "nowhere"], "policy.unreadable"),
        (["{run}", "--policy", "{run}"], "policy.unreadable"),
        (["{run}", "--policy", "{run}/study.toml"], "policy.malformed"),
        (["{run}", "--policy", "{run}/model/schema.json"], "policy.malformed"),
        (["{run}", "--policy", "{run}/policy.json", "--genesis", "ab" * 32], "command.usage"),
        ([], "command.usage"),
        (["{run}", "{run}"], "command.usage"),
    ],
)
def test_misuse_is_told_in_three_lines(
    call: Call, finished: Finished, arguments: list[str], code: str
) -> None:
    filled = [one.replace("{run}", str(finished.folder)) for one in arguments]
    done = call("verify", *filled)
    assert diagnosis(done)[0] == code
    assert done.stdout == ""
    assert told(call("verify", *filled, "--json"), status=2)["error"] == code


def test_a_member_s_home_opens_what_is_sealed_to_it(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BUILT_IN["engines"], "elsewhere", BUILT_IN["engines"]["solo"])
    assert call("run", "heart", *QUICK, *ELSEWHERE, "--out", "run").returncode == 0
    run = tmp_path / "run"
    outside = call("verify", run)
    assert outside.returncode == 0
    assert "2 certified by votes" in outside.stdout
    assert "[update.sealed]" in outside.stdout
    inside = told(call("verify", run, "--home", run / "members" / "va", "--json"))
    assert inside["levels"] == {"recomputed": 2}
    assert inside["findings"] == []


def test_a_home_that_is_none_is_refused(call: Call, finished: Finished, tmp_path: Path) -> None:
    refused = call("verify", finished.folder, "--home", tmp_path / "nowhere")
    assert diagnosis(refused)[0] == "secret.missing"


def test_no_training_code_is_loaded_for_an_auditor() -> None:
    code = (
        "import sys, collegium.cli.commands, collegium.cli.verdicts, collegium.audit.verify\n"
        "rooms = ('assembly', 'federation', 'measuring', 'release', 'simulation', 'threats')\n"
        "sys.exit(str([name for name in sys.modules if name.split('.')[1:2] and\n"
        "              name.startswith('collegium.') and name.split('.')[1] in rooms] or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
