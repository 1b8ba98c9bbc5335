"""Every ledger that a release made is verified by every later one, with the same result.

There is a golden run for each mechanism. docs/spec/README.md says when they may be remade.
"""

from __future__ import annotations

import importlib.util
import sys
import tarfile
from importlib import import_module
from pathlib import Path
from shutil import copytree
from types import ModuleType
from typing import Any

import msgspec
import pytest
from tests.audit.second import second_verdict

from collegium.audit.trust import policy_root
from collegium.audit.verify import verify
from collegium.plugins import BUILT_IN
from collegium.simulation import consortium
from collegium.simulation.execution import run

GOLDEN = Path(__file__).parent / "golden"
TOOL = Path(__file__).parents[1] / "tools" / "make_golden.py"
PROSE = ("claims", "not_proven")
"""What verification says in words, which may be put better."""

NAMES = sorted(path.stem for path in GOLDEN.glob("*.json"))
RUNS = pytest.mark.parametrize("name", NAMES)


def expected(name: str) -> dict[str, Any]:
    """Return what was written down when a golden run was made."""
    value: dict[str, Any] = msgspec.json.decode((GOLDEN / f"{name}.json").read_bytes())
    return value


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run folder for each golden run; not to be written to."""
    folder = tmp_path_factory.mktemp("golden")
    for name in NAMES:
        with tarfile.open(GOLDEN / f"{name}.tar.xz") as archive:
            archive.extractall(folder / name, filter="data")
    return folder


@RUNS
def test_a_golden_run_verifies_as_it_did(name: str, golden: Path) -> None:
    folder = golden / name
    found = verify(folder, trust=policy_root(folder / "policy.json"))
    told = msgspec.json.decode(msgspec.json.encode(found))
    wanted = expected(name)["verification"]
    assert (wanted["ok"], wanted["complete"], wanted["anchored"]) == (True, True, "checkpoint")
    for key in wanted.keys() - set(PROSE):
        assert told[key] == wanted[key], key


@RUNS
def test_every_round_and_sum_of_a_golden_run_is_recomputed(name: str, golden: Path) -> None:
    found = verify(golden / name)
    assert set(found.levels) <= {"recomputed", "recomputed_given_scores"}
    assert sum(found.levels.values()) == found.checked["rounds"] > 0
    hides = "sums@1" in expected(name)["modules"]
    assert (found.checked.get("sums", 0) > 0) == hides


@RUNS
def test_a_golden_run_verifies_without_our_code(name: str, golden: Path) -> None:
    assert second_verdict(golden / name, golden / name / "policy.json") == []


def test_what_every_mechanism_means_is_kept_by_some_golden_run() -> None:
    """Whoever adds a version of a mechanism adds a golden run to those that are here."""
    kept = {module for name in NAMES for module in expected(name)["modules"]}
    assert kept == built_in_modules()


def built_in_modules() -> set[str]:
    packages = BUILT_IN["mechanisms"].values()
    return {import_module(f"{one}.terms").MECHANISM.versioned for one in packages}


def test_golden_runs_are_small_and_hold_evidence_only(golden: Path) -> None:
    assert sum(path.stat().st_size for path in GOLDEN.iterdir()) < 2_600_000
    assert {path.name.removesuffix(".tar.xz") for path in GOLDEN.glob("*.tar.xz")} == {*NAMES}
    for name in NAMES:
        kept = {path.name for path in (golden / name).iterdir()}
        assert kept == {"blobs", "ledger.log", "model", "policy.json", "study.toml"}


@RUNS
def test_a_golden_run_that_is_spoiled_does_not_verify(
    name: str, golden: Path, tmp_path: Path
) -> None:
    folder = copytree(golden / name, tmp_path / "run")
    path = folder / "ledger.log"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert not verify(folder).ok
    assert second_verdict(folder)


def test_three_rounds_give_the_same_model_again(
    golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under that ledger's contract: how updates are encoded is another since."""
    monkeypatch.setattr(consortium, "CONTRACT_VERSION", 1)
    told = expected("plain")
    if tool().products_digest() != told["products"]:
        pytest.skip(
            "this machine's matrix products or exponentials round differently from those of the "
            "machine that made the golden run; training need not be reproducible across machines"
        )
    result = run(golden / "plain" / "study.toml", out=tmp_path / "run")
    assert result.model == told["verification"]["model"]


def test_a_golden_run_is_kept_for_ever() -> None:
    assert {*NAMES} == {*tool().RECIPES}
    with pytest.raises(SystemExit, match="kept for ever"):
        tool().make("plain")


def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_golden", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks its own module up
    spec.loader.exec_module(module)
    return module
