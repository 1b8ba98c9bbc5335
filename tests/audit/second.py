"""The second verifier of `examples/`, which shares no code with us, as the tests ask it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "second_verifier.py"

Judge = Callable[[Path, Path | None], list[str]]
"""Takes a run and perhaps a policy; returns everything that it finds wrong."""


@cache
def _load() -> Judge:
    spec = importlib.util.spec_from_file_location("second_verifier", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look their own module up
    spec.loader.exec_module(module)
    judge: Judge = module.verify
    return judge


def second_verdict(run: Path, policy: Path | None = None) -> list[str]:
    """Return what the second verifier finds wrong; skip the test where it cannot run."""
    pytest.importorskip("cryptography", reason="the second verifier needs `cryptography`")
    return _load()(run, policy)
