"""`collegium bench robustness`: a table, a page and one object."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Call
from tests.commands import diagnosis, told

SMALL = (
    "bench", "robustness", "--set", "training.rounds=2", "--rules", "fedavg,median",
    "--attacks", "sign_flip", "--splits", "1", "--placements", "1",
)  # fmt: skip


def test_it_tells_the_worst_attack_on_each_rule_and_where_the_page_is(
    call: Call, tmp_path: Path
) -> None:
    done = call(*SMALL, "--out", str(tmp_path / "bench"))
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    keeps = [float(line.split("keeps ")[1].split()[0]) for line in lines[:2]]
    assert keeps == sorted(keeps, reverse=True)
    assert "sign_flip" in lines[0]
    assert (tmp_path / "bench" / "index.html").is_file()
    found = told(call(*SMALL, "--out", str(tmp_path / "bench"), "--json"))
    assert [one["rule"] for one in found["standings"]] == ["fedavg", "median"]
    assert found["folder"] == str(tmp_path / "bench")


def test_odd_lists_are_refused(call: Call) -> None:
    for option, value in (("--counts", "two"), ("--counts", "0"), ("--rules", ",")):
        assert diagnosis(call(*SMALL, option, value))[0] == "command.usage"
    assert diagnosis(call("bench", "robustness", "hart10"))[0] == "study.not-found"
