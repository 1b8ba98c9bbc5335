"""What the contract's tests share: members with keys from seeds, a genesis, and a tongue.

`say` signs and applies one transaction and returns what happened; `refusal` says why one was
refused, after checking that the refusal left no mark.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
import pytest

from collegium import canonical
from collegium.canonical import to_text
from collegium.ledger.contract.apply import apply, initial_state
from collegium.ledger.contract.declared import mechanisms
from collegium.ledger.contract.events import Event, Events
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.transactions import RoundVote, Transaction
from collegium.ledger.envelope import sign_envelope
from collegium.ledger.genesis import Genesis, Member, Role, encode_genesis, genesis_digest
from collegium.ledger.keys import SigningKey, signing_key
from collegium.ledger.state import State

E = TypeVar("E", bound=Event)

ALL_ROLES: tuple[Role, ...] = ("owner", "site", "validator")


@dataclass(slots=True)
class World:
    """A consortium: its genesis, the state so far, everybody's keys, what was accepted."""

    genesis: Genesis
    identity: bytes
    state: State
    keys: dict[str, SigningKey]
    accepted: list[bytes] = field(default_factory=list)


def raw_digest(label: str) -> bytes:
    """Return a digest that a label stands for."""
    return sha256(label.encode()).digest()


def digest(label: str) -> str:
    """Return the same as transactions carry it."""
    return to_text(raw_digest(label))


def key_of(label: str) -> SigningKey:
    """Return the key pair that a label stands for."""
    return signing_key(raw_digest(f"key of {label}"))


def member(name: str, power: int = 1, roles: Sequence[Role] = ALL_ROLES) -> Member:
    """Return a member whose key its name stands for."""
    public = to_text(key_of(name).public)
    return Member(id=name, key=public, name=name.title(), power=power, roles=tuple(roles))


def world_of(
    members: Iterable[Member], modules: Iterable[str] | None = None, contract: int = 2,
    **more: Any,
) -> World:  # fmt: skip
    """Return a fresh consortium of members; the keys are those of their names.

    Its studies may use every module that is installed, or only some; its ledger has the contract's
    newest rules, or older ones.
    """
    people = tuple(sorted(members, key=lambda one: one.id))
    genesis = Genesis(
        chain="test", contract=contract, format=1, keys="simulated",
        log=to_text(key_of("*log").public), members=people,
        modules=tuple(mechanisms() if modules is None else sorted(modules)), **more,
    )  # fmt: skip
    identity = genesis_digest(encode_genesis(genesis))
    keys = {one.id: key_of(one.id) for one in people}
    return World(genesis, identity, initial_state(genesis), keys)


def four_equals(modules: Iterable[str] | None = None, contract: int = 2, **more: Any) -> World:
    """Return four members, each of them owner, site and validator of power 1."""
    people = (member(name) for name in ("ada", "bo", "cy", "di"))
    return world_of(people, modules, contract, **more)


def payload(world: World, kind: type[Transaction], **fields: Any) -> bytes:
    """Return a payload; only fields that the kind does not have raise.

    A vote's result may be given by its own fields.
    """
    if kind is RoundVote and "result" not in fields:
        place = {name: fields.pop(name) for name in ("study", "round", "attempt")}
        fields = {**place, "result": result(**fields)}
    return canonical.encode(kind(format=1, genesis=to_text(world.identity), **fields))


def result(**told: Any) -> dict[str, Any]:
    """Return a result of a model, a sum's total, or what made it fail; it need not be sound."""
    kind = "failure" if "fail" in told else "sum" if "total" in told else "model"
    if kind == "failure":
        told["reason"] = told.pop("fail")
    return {"of": kind, **{name: one for name, one in told.items() if one is not msgspec.UNSET}}


def envelope(world: World, who: str, kind: type[Transaction], **fields: Any) -> bytes:
    """Return a signed transaction of a member, or of a stranger with a key of that name."""
    key = world.keys.get(who) or key_of(who)
    return sign_envelope(payload(world, kind, **fields), key)


def submit(world: World, data: bytes) -> Events:
    """Apply an envelope and return what happened."""
    _, _, events = apply(world.state, world.identity, data)
    world.accepted.append(data)
    return events


def say(world: World, who: str, kind: type[Transaction], **fields: Any) -> Events:
    """Sign and apply one transaction and return what happened."""
    return submit(world, envelope(world, who, kind, **fields))


def refusal_of(world: World, data: bytes) -> str:
    """Return the code with which an envelope is refused, after checking that it left no mark."""
    before = world.state.root()
    with pytest.raises(Rejected) as caught:
        apply(world.state, world.identity, data)
    assert world.state.root() == before, "a refusal changed the state"
    return caught.value.code


def refusal(world: World, who: str, kind: type[Transaction], **fields: Any) -> str:
    """Return the code with which a transaction is refused, after checking that it left no mark."""
    return refusal_of(world, envelope(world, who, kind, **fields))


def replayed(world: World, envelopes: Iterable[bytes] | None = None) -> State:
    """Return the state that another instance reaches from the accepted transactions."""
    state = initial_state(world.genesis)
    for data in world.accepted if envelopes is None else envelopes:
        apply(state, world.identity, data)
    return state


def names(events: Iterable[Event]) -> list[str]:
    """Return the events' names, in order."""
    return [str(event.__struct_config__.tag) for event in events]


def only(events: Iterable[Event], kind: type[E]) -> E:
    """Return the one event of a kind."""
    (found,) = (event for event in events if isinstance(event, kind))
    return found
