"""Protocols with a bug planted in their source, for tests that must find it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from random import Random
from types import ModuleType

from collegium.consensus.liars import LIARS
from collegium.consensus.machine import ConsensusProtocol
from collegium.consensus.simulator import Liar
from collegium.consensus.trials import Trial, run_trial


def planted(module: str, name: str, sound: str, bug: str) -> ConsensusProtocol:
    """Return a protocol from the source of a module in which a text is another one."""
    original = import_module(f"collegium.consensus.protocols.{module}")
    assert original.__file__ is not None
    source = Path(original.__file__).read_text(encoding="utf-8")
    assert source.count(sound) == 1, f"{source.count(sound)} times in {module}: {sound!r}"
    made = ModuleType(f"planted_{module}")
    sys.modules[made.__name__] = made  # dataclasses look their module up
    try:
        code = compile(source.replace(sound, bug), original.__file__, "exec")
        exec(code, made.__dict__)  # noqa: S102
    finally:
        del sys.modules[made.__name__]
    found: ConsensusProtocol = getattr(made, name)
    return found


def first_found(
    protocol: ConsensusProtocol,
    seeds: Sequence[int],
    *,
    storms: bool = False,
    liars: Mapping[str, Callable[[Random], Liar]] = LIARS,
) -> Trial | None:
    """Return the first trial of these that does not hold."""
    trials = (run_trial(protocol, seed, storms=storms, liars=liars) for seed in seeds)
    return next((one for one in trials if not one.holds), None)
