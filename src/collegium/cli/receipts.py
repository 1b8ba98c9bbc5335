"""Receipts and their checks as the command line prints them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from collegium.audit.check import ReceiptCheck
from collegium.audit.entry import EntryDescription
from collegium.audit.findings import findings_json
from collegium.audit.issue import IssuedReceipt


def entry_line(index: int, said: EntryDescription) -> str:
    """Return an entry's line in the list of `audit entries`."""
    return f"{index:>6}  {said.id}  {said.kind} by {said.sender or said.key}{_where(said)}"


def _where(said: EntryDescription) -> str:
    """Return which study, round and so on an entry is about."""
    named = [(name, said.fields.get(name)) for name in ("study", "round", "attempt", "phase")]
    told = [f"{name} {value}" for name, value in named if value is not None]
    return ": " + ", ".join(told) if told else ""


def issued_json(issued: IssuedReceipt, out: Path | None) -> dict[str, Any]:
    """Return what ``audit receipt --json`` prints."""
    backing = issued.backing
    return {
        "out": None if out is None else str(out),
        "index": issued.index,
        "size": issued.size,
        "id": issued.said.id,
        "kind": issued.said.kind,
        "sender": issued.said.sender,
        "cosigned": backing.cosigners,
        "power": backing.power,
        "total_power": backing.total,
        "quorum": backing.quorum,
        "receipt": issued.text,
    }


def issued_lines(issued: IssuedReceipt, out: Path) -> Iterator[str]:
    """Yield what `audit receipt` says of the file that it wrote."""
    said, backing = issued.said, issued.backing
    names = ", ".join(backing.cosigners) or "nobody"
    yield f"{out}: entry {issued.index}, {said.kind} by {said.sender or said.key}{_where(said)}"
    yield f"  under the checkpoint over {issued.size} entries"
    yield f"  cosigned by {names} (power {backing.power} of {backing.total})"
    if not backing.quorum:
        yield ("  not a quorum: useful only to somebody who trusts the log or kept this checkpoint")
    yield f"  check it with: collegium audit check {out} --policy POLICY"


def checked_json(checked: ReceiptCheck) -> dict[str, Any]:
    """Return what ``audit check --json`` prints."""
    found: dict[str, Any] = msgspec.to_builtins(checked)
    return found | {"findings": findings_json(checked.findings)}


def checked_lines(checked: ReceiptCheck) -> Iterator[str]:
    """Yield what `audit check` prints for people."""
    yield "OK" if checked.ok else "FAILED"
    yield f"  {checked.claims}"
    for finding in checked.findings:
        yield f"  {finding.severity:<9} {finding.what} ({finding.where}) [{finding.code}]"
    if checked.entry is not None:
        yield from _entry_lines(checked.entry)
    if checked.log:
        yield f"  log       {checked.log}"
        yield f"  root      {checked.root} over {checked.size} entries"
    for name, seconds in checked.cosigned.items():
        yield f"  cosigned  {name}, {_moment(seconds)} by its clock"
    yield "  not proven:"
    for text in checked.not_proven:
        yield f"    - {text}"


def _entry_lines(said: EntryDescription) -> Iterator[str]:
    yield f"  entry     {said.kind} by {said.sender or 'the key ' + said.key}{_where(said)}"
    yield f"  id        {said.id}"
    for name, value in said.fields.items():
        yield f"    {name:<11} {_shown(value)}"
    for event in said.events:
        rest = {name: value for name, value in event.items() if name != "event"}
        yield f"  event     {event['event']} {_shown(rest)}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _moment(seconds: int) -> str:
    """Return a time in words, as far as a calendar reaches."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(" ", "seconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return f"{seconds} seconds after 1970"
