"""Every ledger that a release made is verified by every later one, with the same result."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from shutil import copytree
from typing import Any

import msgspec
import pytest
from tests.audit.second import second_verdict

from collegium.audit.trust import policy_root
from collegium.audit.verify import verify
from collegium.simulation.execution import run

GOLDEN = Path(__file__).parent / "golden"
TOOL = Path(__file__).parents[1] / "tools" / "make_golden.py"
PROSE = ("claims", "not_proven")
"""What verification says in words, which may be put better."""

RUNS = pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.json")))


def expected(name: str) -> dict[str, Any]:
    """Return what was written down when a golden run was made."""
    value: dict[str, Any] = msgspec.json.decode((GOLDEN / f"{name}.json").read_bytes())
    return value


@RUNS
def test_a_golden_run_verifies_as_it_did(name: str) -> None:
    folder = GOLDEN / name
    found = verify(folder, trust=policy_root(folder / "policy.json"))
    told = msgspec.json.decode(msgspec.json.encode(found))
    wanted = expected(name)["verification"]
    assert wanted["ok"]
    assert wanted["anchored"] == "checkpoint"
    for key in wanted.keys() - set(PROSE):
        assert told[key] == wanted[key], key


@RUNS
def test_a_golden_run_verifies_without_our_code(name: str) -> None:
    assert second_verdict(GOLDEN / name, GOLDEN / name / "policy.json") == []


@RUNS
def test_a_golden_run_is_small_and_holds_evidence_only(name: str) -> None:
    files = [path for path in (GOLDEN / name).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 150_000
    kept = {path.relative_to(GOLDEN / name).parts[0] for path in files}
    assert kept == {"blobs", "ledger.log", "model", "policy.json", "study.toml"}


def test_a_golden_run_that_is_spoiled_does_not_verify(tmp_path: Path) -> None:
    folder = copytree(GOLDEN / "three-rounds", tmp_path / "run")
    path = folder / "ledger.log"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert not verify(folder).ok


def test_the_three_rounds_give_the_same_model_again(tmp_path: Path) -> None:
    told = expected("three-rounds")
    if products_digest() != told["products"]:
        pytest.skip(
            "this machine's matrix products or exponentials round differently from those of the "
            "machine that made the golden run; training need not be reproducible across machines"
        )
    result = run(GOLDEN / "three-rounds" / "study.toml", out=tmp_path / "run")
    assert result.model == told["verification"]["model"]


def products_digest() -> str:
    spec = importlib.util.spec_from_file_location("make_golden", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    digest: str = module.products_digest()
    return digest
