"""The mechanisms that there are, and the types that they make up together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Any, TypeVar, Union

import msgspec

from collegium.errors import PluginError
from collegium.ledger.contract.mechanism import RANKS, Mechanism, Phase, Where
from collegium.ledger.contract.payload import Transaction
from collegium.plugins import aspects

P = TypeVar("P", bound=msgspec.Struct)


class Parts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What mechanisms add to something: a field for each that adds to it."""


COMMON_PHASES = (
    Phase("commit", "participants", "update.commit", "commits", RANKS["commit"]),
    Phase("reveal", "participants", "update.reveal", "reveals", RANKS["reveal"]),
    Phase("available", "validators", "update.available", "available", RANKS["available"]),
    Phase("vote", "validators", "round.vote", "votes", RANKS["vote"]),
)
"""Phases that every attempt has."""


@cache
def mechanisms() -> Mapping[str, Mechanism]:
    """Return every mechanism of this installation by its versioned name, in order."""
    found: list[Mechanism] = [one.MECHANISM for one in aspects("terms").values()]
    return {one.versioned: one for one in sorted(found, key=lambda one: one.versioned)}


def admitted_modules() -> tuple[str, ...]:
    """Return the modules that a new genesis admits: all that are installed."""
    return tuple(mechanisms())


def require_module(versioned: str) -> None:
    """Refuse a ledger that admits a module which this installation lacks.

    Raises:
        PluginError: it does.
    """
    if versioned not in mechanisms():
        raise PluginError(
            "plugin.module", f"the ledger admits the module {versioned}, which is not installed",
            "whoever replays its transactions has to know all of its rules",
            f"install the release or the package that has {versioned}",
        )  # fmt: skip


@cache
def parts_type(where: Where) -> type[Parts]:
    """Return the type of all that mechanisms add to something."""
    fields: list[tuple[str, Any, Any]] = [
        (one.field, one.parts[where] | msgspec.UnsetType, msgspec.UNSET)
        for one in mechanisms().values()
        if where in one.parts
    ]
    name = f"{where.title()}Parts"
    made: Any = msgspec.defstruct(
        name, fields, bases=(Parts,), frozen=True, forbid_unknown_fields=True, kw_only=True
    )
    kind: type[Parts] = made
    return kind


@cache
def _fields() -> Mapping[type, str]:
    return {
        part: one.field for one in mechanisms().values() for part in one.parts.values()
    }  # fmt: skip


def part_of(parts: Parts | msgspec.UnsetType, kind: type[P]) -> P | None:
    """Return what one mechanism added, or None where it added nothing."""
    found = getattr(parts, _fields()[kind], None)
    return found if isinstance(found, kind) else None


def together(where: Where, added: Iterable[msgspec.Struct | None]) -> Any:
    """Return what some mechanisms add to something, as one value; UNSET where they add nothing."""
    given = {_fields()[type(one)]: one for one in added if one is not None}
    return parts_type(where)(**given) if given else msgspec.UNSET


def union_of(kernel: Iterable[type], attribute: str) -> Any:
    """Return the union of types of the contract's own and of all mechanisms'."""
    more = [kind for one in mechanisms().values() for kind in getattr(one, attribute)]
    return Union[tuple(dict.fromkeys([*kernel, *more]))]  # noqa: UP007


@cache
def owners() -> Mapping[type, tuple[str, ...]]:
    """Return which modules declare a kind of transaction or action, or a part of something."""
    found: dict[type, tuple[str, ...]] = {}
    for one in mechanisms().values():
        for kind in {*one.transactions, *one.actions, *one.parts.values()}:
            found[kind] = (*found.get(kind, ()), one.versioned)
    return found


def given_parts(parts: Parts | msgspec.UnsetType) -> list[msgspec.Struct]:
    """Return what mechanisms added."""
    if parts is msgspec.UNSET:
        return []
    found = (getattr(parts, name) for name in parts.__struct_fields__)
    return [one for one in found if one is not msgspec.UNSET]


@lru_cache(maxsize=256)
def used(modules: tuple[str, ...]) -> tuple[Mechanism, ...]:
    """Return a study's mechanisms by the names under which it is registered.

    Raises:
        LookupError: one is not installed.
    """
    return tuple(mechanisms()[name] for name in modules)


@lru_cache(maxsize=256)
def carrier(modules: tuple[str, ...]) -> str:
    """Return in which way a study's updates travel, such as ``plain@1``."""
    return next(one.versioned for one in used(modules) if one.carries)


@lru_cache(maxsize=256)
def phases_of(modules: tuple[str, ...]) -> tuple[Phase, ...]:
    """Return the phases of an attempt in their order."""
    more = [phase for one in used(modules) for phase in one.phases]
    return tuple(sorted({*COMMON_PHASES, *more}, key=lambda phase: (phase.rank, phase.name)))


@cache
def _by_kind() -> Mapping[str, type[Transaction]]:
    kinds = (kind for one in mechanisms().values() for kind in one.transactions)
    return {str(kind.__struct_config__.tag): kind for kind in kinds}


def kind_named(kind: str) -> type[Transaction]:
    """Return a mechanism's type of transaction, such as that of ``share.post``."""
    return _by_kind()[kind]


@cache
def opening_fields() -> Mapping[str, str]:
    """Return by kind of transaction which of its fields holds what may open a sum."""
    phases = (phase for one in mechanisms().values() for phase in one.phases)
    return {phase.kind: phase.opens for phase in phases if phase.opens}


@lru_cache(maxsize=1024)
def phase_of(modules: tuple[str, ...], name: str) -> Phase | None:
    """Return a phase of an attempt by its name, or None where it has none of that name."""
    return next((phase for phase in phases_of(modules) if phase.name == name), None)


def hides(modules: tuple[str, ...]) -> bool:
    """Return whether updates are masked or encrypted, so that only their sum can be known."""
    return any(one.hides for one in used(modules))


def is_masked(design: str) -> bool:
    """Return whether what carries updates hides them, so that only their sum can be known."""
    return mechanisms()[design].hides


def opens_one_key(design: str) -> bool:
    """Return whether what opens a sum of hidden updates is the key of that sum."""
    return mechanisms()[design].opens_one_key


def following(modules: tuple[str, ...], name: str) -> Phase | None:
    """Return the phase after one, or None after the last."""
    phases = phases_of(modules)
    place = [phase.name for phase in phases].index(name) + 1
    return phases[place] if place < len(phases) else None


def place_of(modules: tuple[str, ...], name: str) -> int:
    """Return where a phase stands among an attempt's, -1 where it has none of that name."""
    names = [phase.name for phase in phases_of(modules)]
    return names.index(name) if name in names else -1


@lru_cache(maxsize=1024)
def may_be_open(modules: tuple[str, ...], name: str) -> bool:
    """Return whether members have been asked by a phase, or before it, for what opens a sum."""
    opening = [place for place, phase in enumerate(phases_of(modules)) if phase.opens]
    return bool(opening) and place_of(modules, name) >= opening[0]


@lru_cache(maxsize=256)
def before_rounds(modules: tuple[str, ...]) -> tuple[str, ...]:
    """Return the phases that a study has before its first round, in order."""
    return ("setup", *(phase for one in used(modules) for phase in one.before))
