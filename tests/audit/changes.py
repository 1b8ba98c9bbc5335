"""Every field of a payload, and other values that it could plausibly have had."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec
from tests.audit.forging import Entry, Keys, Payload

from collegium.canonical import encode, to_text
from collegium.ledger.envelope import decode_envelope, sign_envelope

Place = tuple[str | int, ...]
"""Where a value lies in a payload."""

ANOTHER_DIGEST = to_text(sha256(b"another").digest())
LOWEST_DIGEST, HIGHEST_DIGEST = "A" * 43, "z" * 42 + "w"

OTHERS: Mapping[str, tuple[object, ...]] = {
    "attendance": ("all", "quorum"),
    "do": ("admit", "expel", "rotate"),
    "fail": ("arithmetic", "malformed", "refused", "unavailable"),
    "id": ("another",),
    "member": ("another", "cleveland"),
    "name": ("Another Name",),
    "proposal": (to_text(sha256(b"another").digest()[:16]),),
    "phase": ("setup", "commit", "reveal", "available", "vote", "evaluation", "release"),
    "reason": ("arithmetic", "malformed", "refused", "unavailable"),
    "roles": ("owner", "site", "validator"),
    "rule": ("fedavg@2", "trimmed_mean@1"),
    "server": ("none@2", "adam@1", "nothing@1"),
    "sites": ("guest", "hungarian"),
    "study": ("another",),
    "updates": ("all", "own"),
    "weights": ("equal", "rows"),
}
"""Values that a field may have besides those that occur, by the field's name."""

OPTIONAL: Mapping[str, Mapping[str, object]] = {
    "evaluation.post": {"local": ANOTHER_DIGEST},
    "statistics.vote": {"fail": "unavailable", "agreement": ANOTHER_DIGEST},
    "study.register": {"terms": {"statistics": {"steps": 3}}},
    "update.reveal": {"sealed": ANOTHER_DIGEST},
}
"""Fields that may be absent, with a value for where they are."""


@dataclass(frozen=True, slots=True)
class Change:
    """A payload in which one field says something else; `field` without list positions."""

    field: str
    payload: Payload


def changes(entry: Entry, known: Mapping[str, list[object]], keys: Keys) -> Iterator[Change]:
    """Yield changes of every field of an entry's payload.

    `known` are the values of fields elsewhere in the ledger, by name: the likeliest lies.
    """
    payload = entry.payload
    kind = str(payload["kind"])
    for place in places(payload):
        field = ".".join(part for part in place if isinstance(part, str))
        for other in _others(_name(place), _at(payload, place), known, keys):
            yield Change(f"{kind}: {field}", _with(payload, place, other))
    if kind == "round.vote":
        failed = payload["result"]["of"] == "failure"
        model = {"of": "model", "model": ANOTHER_DIGEST}
        other = model if failed else {"of": "failure", "reason": "unavailable"}
        yield Change("round.vote: result", {**payload, "result": other})
    for field, value in OPTIONAL.get(kind, {}).items():
        without = {key: old for key, old in payload.items() if key not in OPTIONAL[kind]}
        if field not in payload:
            yield Change(f"{kind}: {field}", {**without, field: value})
        elif kind in ("evaluation.post", "update.reveal"):
            yield Change(f"{kind}: {field}", without)


def places(value: Any, here: Place = ()) -> Iterator[Place]:
    """Yield the places of all fields in a payload; a list's, and those of what is in it."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from places(part, (*here, key))
    elif isinstance(value, list):
        yield here
        for index, part in enumerate(value):
            yield from places(part, (*here, index))
    else:
        yield here


def known_values(entries: tuple[Entry, ...]) -> dict[str, list[object]]:
    """Return the values that occur in a ledger, by the name of their field."""
    found: dict[str, list[object]] = {}
    for entry in entries:
        payload = entry.payload
        for place in places(payload):
            values = found.setdefault(_name(place), [])
            if (value := _at(payload, place)) not in values:
                values.append(value)
    return found


def _name(place: Place) -> str:
    return next(part for part in reversed(place) if isinstance(part, str))


def _others(name: str, value: Any, known: Mapping[str, list[object]], keys: Keys) -> list[object]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, list):
        return [
            other for other in (value[:-1], [*value, *value[-1:]], value[::-1]) if other != value
        ]
    if name in ("first", "second"):
        lie = LOWEST_DIGEST if name == "first" else HIGHEST_DIGEST
        return [_other_ballot(value, lie, keys), ANOTHER_DIGEST]
    if name in ("bitmap", "deals"):
        (bits,) = urlsafe_b64decode(value + "==")
        return [to_text(bytes((bits ^ 0x80 >> index,))) for index in range(5)]
    found = [other for other in known[name] if other != value and type(other) is type(value)]
    found = found[:1] + found[-1:]
    if isinstance(value, int):
        found = [*found[:1], value + 1, value - 1, 2 * value]
    else:
        found += OTHERS.get(name, (ANOTHER_DIGEST if len(value) == 43 else _turned(value),))
    return [other for other in dict.fromkeys(found) if other != value]


def _turned(text: str) -> str:
    return ("B" if text[:1] == "A" else "A") + text[1:]


def _other_ballot(text: str, model: str, keys: Keys) -> str:
    """Return another vote of whoever signed this one."""
    envelope = decode_envelope(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    result = {"of": "model", "model": model}
    vote = {**msgspec.json.decode(envelope.payload), "result": result}
    return to_text(sign_envelope(encode(vote), keys.by_id[envelope.key_id]))


def _at(payload: Any, place: Place) -> Any:
    for part in place:
        payload = payload[part]
    return payload


def _with(payload: Payload, place: Place, value: object) -> Payload:
    changed: Any = deepcopy(payload)
    _at(changed, place[:-1])[place[-1]] = value
    return dict(changed)
