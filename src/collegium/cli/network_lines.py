"""A trial consortium as JSON, and as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from collegium.network.processes import ChildProcess
from collegium.network.record import NetworkRecord, home_of
from collegium.network.up import RunningNetwork
from collegium.network.watch import study_of
from collegium.node.status import NodeStatus


def up_json(found: RunningNetwork) -> dict[str, Any]:
    """Return what ``network up --json`` prints."""
    record, closed = found.record, found.closed
    told: dict[str, Any] = {
        "folder": str(found.folder),
        "study": record.study,
        "genesis": record.genesis,
        **({"sequencer": record.url} if record.services else {}),
        "members": {name: str(home_of(found.folder, name)) for name in record.members},
    }
    if closed is not None:
        told |= {
            "outcome": closed.outcome, "model": closed.model, "rounds": closed.closed_rounds,
            "verified": {name: one.ok for name, one in found.verified.items()},
        }  # fmt: skip
    return told


def up_lines(found: RunningNetwork) -> Iterator[str]:
    """Yield what ``network up`` prints."""
    record, closed = found.record, found.closed
    if closed is None:
        yield f"{record.study} is being trained by {len(record.members)} members"
    else:
        yield f"{record.study}: {closed.outcome} after {closed.closed_rounds} rounds"
        yield f"  model      {closed.model}"
    for name, one in found.verified.items():
        levels = ", ".join(
            f"{count} rounds {level.replace('_', ' ')}" for level, count in one.levels.items()
        )
        yield f"  {name:<12} {'verified' if one.ok else 'NOT VERIFIED'}: {levels or 'no round'}"
        for finding in one.findings:
            if finding.severity != "note":
                yield f"    {finding.severity}: {finding.what} ({finding.where})"
    yield f"  genesis    {record.genesis}"
    for name in record.services:
        yield f"  {name:<10} {record.url}"
    yield f"  homes      {home_of(found.folder, '')}"
    yield f"The network keeps running. Status:  collegium network status {found.folder}"
    yield f"Stop it:                            collegium network down {found.folder}"


def status_json(
    folder: Path, record: NetworkRecord, children: Sequence[ChildProcess],
    found: Mapping[str, NodeStatus | None],
) -> dict[str, Any]:  # fmt: skip
    """Return what ``network status --json`` prints."""
    running = {child.name: child.pid for child in children}
    return {
        "folder": str(folder),
        "study": record.study,
        "genesis": record.genesis,
        **{name: {"url": record.url, "pid": running.get(name)} for name in record.services},
        "members": {
            name: {"pid": running.get(name), "home": str(home_of(folder, name)), "status": one}
            for name, one in found.items()
        },
    }


def status_lines(
    folder: Path, record: NetworkRecord, children: Sequence[ChildProcess],
    found: Mapping[str, NodeStatus | None],
) -> Iterator[str]:  # fmt: skip
    """Yield what ``network status`` prints."""
    running = {child.name: child.pid for child in children}
    yield f"{record.study}, {len(record.members)} members, in {folder}"
    for name in record.services:
        yield f"  {name:<12} {_process(running.get(name))}  {record.url}"
    for name, one in found.items():
        study = study_of(one, record.study)
        where = "" if study is None else f"  {study.phase}, {study.closed_rounds} rounds"
        if study is not None and study.refused:
            where += "  (refuses the study)"
        if study is not None and study.awaited:
            where += f"  (awaits {', '.join(study.awaited)} for {study.waiting:.0f} s)"
        if study is not None and study.silent:
            where += f"  (skips {', '.join(sorted({who.member for who in study.silent}))})"
        state = one.state if one is not None else "does not answer" if name in running else ""
        entries = "" if one is None else f"  {one.final_size} entries final"
        yield f"  {name:<12} {_process(running.get(name))}  {state}{entries}{where}".rstrip()


def _process(pid: int | None) -> str:
    return "not running" if pid is None else f"pid {pid}"
