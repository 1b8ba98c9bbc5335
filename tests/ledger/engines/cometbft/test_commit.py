"""A header and its votes, as CometBFT v0.38.25 gave them for a run of `heart`, checked offline."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collegium.errors import FormatError
from collegium.ledger.engines.cometbft.commit import (
    check_commit,
    decode_commit,
    timestamp,
    tree_root,
    validators_hash,
)
from collegium.ledger.engines.cometbft.home import chain_id

SAMPLE: dict[str, Any] = json.loads(Path(__file__).with_name("commit.json").read_text())
POWERS = {bytes.fromhex(key): power for key, power in SAMPLE["validators"].items()}
CHAIN = chain_id(bytes.fromhex(SAMPLE["identity"]))
ROOT = bytes.fromhex(SAMPLE["app_hash"])


def checked(said: dict[str, Any], powers: dict[bytes, int] | None = None) -> int:
    return check_commit(decode_commit(msgspec.json.encode(said)), CHAIN, ROOT, [powers or POWERS])


def test_the_votes_for_the_block_after_the_ledger_hold() -> None:
    assert checked(SAMPLE["signed_header"]) == 3


def fields(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the places of all texts and numbers in a value."""
    if isinstance(value, dict):
        return [one for key, inner in value.items() for one in fields(inner, (*place, key))]
    if isinstance(value, list):
        return [one for at, inner in enumerate(value) for one in fields(inner, (*place, at))]
    return [place]


ABSENT = {("commit", "signatures", at, key) for at in range(4) for key in ("block_id_flag",)}
PLACES = [one for one in fields(SAMPLE["signed_header"]) if one not in ABSENT]


def other(value: Any) -> Any:
    """Return another value of the same form."""
    if isinstance(value, int):
        return value + 1
    digits = {"0": "1", "1": "2", "A": "B", "a": "b"}
    for at in range(len(value) - 3, -1, -1):
        if value[at] in digits:
            return value[:at] + digits[value[at]] + value[at + 1 :]
    return value + "00"


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_nothing_of_it_can_be_changed(place: tuple[Any, ...]) -> None:
    said = json.loads(json.dumps(SAMPLE["signed_header"]))
    inner = said
    for key in place[:-1]:
        inner = inner[key]
    signatures = said["commit"]["signatures"]
    if place[:2] == ("commit", "signatures") and signatures[place[2]]["block_id_flag"] != 2:
        pytest.skip("the vote of somebody who gave none")
    inner[place[-1]] = other(inner[place[-1]])
    assert said != SAMPLE["signed_header"]
    with pytest.raises(FormatError):
        checked(said)


def without(at: int) -> Callable[[dict[str, Any]], None]:
    def change(said: dict[str, Any]) -> None:
        votes = [one for one in said["commit"]["signatures"] if one["block_id_flag"] == 2]
        said["commit"]["signatures"] = [*votes[:at], *votes[at + 1 :]]

    return change


def twice(said: dict[str, Any]) -> None:
    votes = [one for one in said["commit"]["signatures"] if one["block_id_flag"] == 2]
    said["commit"]["signatures"] = [votes[0], votes[0], votes[1]]


@pytest.mark.parametrize("change", [without(0), without(2), twice], ids=["first", "last", "twice"])
def test_two_thirds_of_the_power_are_too_few(change: Callable[[dict[str, Any]], None]) -> None:
    said = json.loads(json.dumps(SAMPLE["signed_header"]))
    change(said)
    with pytest.raises(FormatError) as caught:
        checked(said)
    assert "two thirds" in caught.value.why


def test_other_validators_or_powers_are_refused() -> None:
    first = next(iter(POWERS))
    for powers in ({**POWERS, first: 2}, {key: 1 for key in POWERS if key != first}):
        with pytest.raises(FormatError) as caught:
            checked(SAMPLE["signed_header"], powers)
        assert "validators" in caught.value.why


def test_trees_of_rfc_6962() -> None:
    """Roots of https://www.rfc-editor.org/rfc/rfc6962#section-2.1.3's shape, one level by hand."""
    from hashlib import sha256

    def leaf(data: bytes) -> bytes:
        return sha256(b"\0" + data).digest()

    def node(left: bytes, right: bytes) -> bytes:
        return sha256(b"\1" + left + right).digest()

    assert tree_root([]) == sha256(b"").digest()
    three = [b"a", b"b", b"c"]
    assert tree_root(three) == node(node(leaf(b"a"), leaf(b"b")), leaf(b"c"))
    assert len(validators_hash(POWERS)) == 32


@pytest.mark.parametrize("when", ["", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00+01:00", "now"])
def test_what_is_no_time_is_refused(when: str) -> None:
    with pytest.raises(FormatError):
        timestamp(when)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff", b'{"header":1}'])
def test_what_is_no_commit_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        decode_commit(data)
