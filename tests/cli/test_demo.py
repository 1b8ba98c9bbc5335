"""`collegium demo`: three acts, each with the outcome that it promises."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Call
from tests.commands import diagnosis, told

from collegium.audit.trust import policy_root
from collegium.audit.verify import verify

FOLDERS = ("1-four-hospitals", "2-a-liar", "3-history-rewritten")


@pytest.mark.long
def test_every_act_ends_as_it_should_and_can_be_checked(call: Call, tmp_path: Path) -> None:
    shown = call("demo", "--out", "demo")
    assert shown.returncode == 0
    assert shown.stderr == ""
    assert [line[0] for line in shown.stdout.splitlines() if line[:2] in ("1.", "2.", "3.")] == [
        "1", "2", "3",
    ]  # fmt: skip
    assert "va voted for another model" in shown.stdout
    assert "the same as before, bit for bit" in shown.stdout
    assert "verify with checkpoints kept outside: FAILED" in shown.stdout
    assert "Not proven by any of this:" in shown.stdout
    policy = policy_root(tmp_path / "demo" / FOLDERS[0] / "policy.json")
    for folder, ok in zip(FOLDERS, (True, True, False), strict=True):
        assert verify(tmp_path / "demo" / folder).ok
        if folder != FOLDERS[1]:
            assert verify(tmp_path / "demo" / folder, trust=policy).ok is ok


@pytest.mark.long
def test_json_is_one_object(call: Call) -> None:
    found = told(call("demo", "--out", "demo", "--json"))
    assert found["as_expected"] is True
    assert found["folder"] == "demo"
    assert Path(found["report"]).is_file()
    honest, lied, rewritten = found["acts"]
    assert lied["model"] == honest["model"] != rewritten["model"]


def test_it_overwrites_nothing(call: Call, tmp_path: Path) -> None:
    kept = tmp_path / "demo" / FOLDERS[0] / "notes.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")
    assert diagnosis(call("demo", "--out", "demo"))[0] == "run.exists"
    assert [path.name for path in kept.parent.iterdir()] == ["notes.txt"]
