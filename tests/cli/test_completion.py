"""Completion: what a shell offers for the word at the cursor."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.commands import COLLEGIUM, collegium, environment

from collegium.cli.completing import PARTS, study_keys
from collegium.plugins import names
from collegium.study.document import Study
from collegium.study.presets import preset_names

BASH = """
eval "$(collegium completion bash)"
compopt() { printf 'compopt %s\n' "$(IFS=" "; echo "$*")"; }
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_collegium_completion collegium
printf '%s\\n' "${COMPREPLY[@]}"
"""


def in_bash(folder: Path, *words: str) -> list[str]:
    """What bash itself would offer; words are broken at = as it breaks them."""
    done = subprocess.run(
        ["bash", "--norc", "-c", BASH, "bash", "collegium", *words],
        cwd=folder, env=environment(PATH=f"{Path(COLLEGIUM).parent}:/usr/bin:/bin"),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_bash_offers_presets_parts_files_and_keys(tmp_path: Path) -> None:
    (tmp_path / "heart_of_mine.toml").touch()
    (tmp_path / "heart.csv").touch()
    wanted = [one for one in preset_names() if one.startswith("heart")]
    assert in_bash(tmp_path, "run", "heart") == [*wanted, "heart_of_mine.toml"]
    assert in_bash(tmp_path, "run", "studies/mi") == ["compopt -o default", ""]
    assert in_bash(tmp_path, "predict", "") == ["compopt -o default", ""]
    assert in_bash(tmp_path, "fetch", "uci_hea") == ["uci_heart"]
    assert in_bash(tmp_path, "list", "ru") == ["rules"]
    assert in_bash(tmp_path, "cal") == ["calc"]
    assert in_bash(tmp_path, "bench", "robustness", "--rules", "krum,mul") == ["krum,multi_krum"]
    assert in_bash(tmp_path, "run", "heart", "--set", "training.rou") == [
        "compopt -o nospace", "training.rounds=",
    ]  # fmt: skip
    assert in_bash(tmp_path, "run", "--set", "aggregation.rule", "=", "mul") == ["multi_krum"]
    assert in_bash(
        tmp_path, "run", "--set", "training.rounds", "=", "9", "--set", "study.attendance", "="
    ) == ["all", "quorum"]


@pytest.mark.parametrize(
    ("shell", "line", "word", "wanted"),
    [
        ("zsh", "collegium run heart10-ro", "2", ["plain\nheart10-robust\n_"]),
        ("fish", "collegium run heart10-ro", "heart10-ro", ["plain,heart10-robust"]),
        ("zsh", "collegium run x --set threat.attack=al", "4", ["plain\nthreat.attack=alie\n_"]),
        ("fish", "collegium fetch uci_hea", "uci_hea", ["plain,uci_heart"]),
    ],
)  # fmt: skip
def test_zsh_and_fish_are_answered_in_their_form(
    tmp_path: Path, shell: str, line: str, word: str, wanted: list[str]
) -> None:
    asked = {"_COLLEGIUM_COMPLETE": f"{shell}_complete", "COMP_WORDS": line, "COMP_CWORD": word}
    assert collegium(cwd=tmp_path, env=asked).stdout.strip() == "\n".join(wanted)


def test_a_script_is_printed_for_each_shell(tmp_path: Path) -> None:
    for shell in ("bash", "zsh", "fish"):
        done = collegium("completion", shell, cwd=tmp_path)
        assert done.returncode == 0
        assert f"_COLLEGIUM_COMPLETE={shell}_complete" in done.stdout


def test_the_keys_that_name_parts_are_keys_of_a_study() -> None:
    known = dict(study_keys(Study))
    for key, kind in PARTS.items():
        assert key in known
        assert names(kind)
    assert known["study.attendance"] == {"all", "quorum"}
    assert known["privacy.differential_privacy.mechanism"] == {"dp_sgd", "local", "central"}
