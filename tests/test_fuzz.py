"""A slice of `tools/fuzz.py`, which goes on to millions: nothing but our own refusals comes out."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from collegium.ledger.contract import apply as contract

TOOL = Path(__file__).parents[1] / "tools" / "fuzz.py"


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz"] = module
    spec.loader.exec_module(module)
    return module


def test_changed_transactions_and_documents_of_every_mechanism_are_refused_or_sound(
    fuzz: ModuleType, tmp_path: Path
) -> None:
    found = fuzz.fuzz(fuzz.golden_courses(tmp_path), 5000, seed=1)
    assert found.wrong == []
    assert found.transactions > 2500
    assert found.accepted > 10, "some changes are none that matters"
    assert found.acceptable > 10


def test_a_handler_that_breaks_is_found(
    fuzz: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise KeyError("planted")

    handlers = {**contract.handlers_of()}
    kind = next(one for one in handlers if one.__name__ == "MemberVote")
    reveal = next(one for one in handlers if one.__name__ == "UpdateReveal")
    real = handlers[reveal]

    def sometimes(state: object, sender: str, member: object, tx: object) -> object:
        if getattr(tx, "peak", 0) in (0, 1, 255, 256):
            breaks()
        return real(state, sender, member, tx)  # type: ignore[arg-type]

    handlers |= {kind: breaks, reveal: sometimes}  # type: ignore[dict-item]
    monkeypatch.setattr(contract, "handlers_of", lambda: handlers)
    courses = [one for one in fuzz.golden_courses(tmp_path) if one.name == "plain"]
    found = fuzz.fuzz(courses, 4000, seed=2)
    assert any("planted" in one for one in found.wrong)
