"""The health of nodes and networks: what their processes say of themselves on loopback.

Of a home nothing is read but ``status.json``, by which its process is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from collegium.errors import CollegiumError
from collegium.network.record import MEMBERS, RECORD, NetworkRecord
from collegium.node.status import NodeStatus, StudyStatus
from collegium.node.status_page import SERVED, ask_status
from collegium.serving.files import read_ordinary, status_of
from collegium.transport.sequencer_status import SequencerStatus, ask_sequencer

WITHIN = 2.0
"""Seconds that a process has for its answer."""

MOST_MEMBERS, LARGEST_RECORD, LARGEST_ADDRESS = 512, 2**20, 2**12

_LATE = 60.0
_DAYS = 14.0

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Asked(Generic[S]):
    """What a process says of itself; None where it does not answer."""

    name: str
    status: S | None


@dataclass(frozen=True, slots=True)
class NetworkHealth:
    """A network: its record, its sequencers and its members; `trouble` where it has no record."""

    study: str
    sequencers: tuple[Asked[SequencerStatus], ...]
    members: tuple[Asked[NodeStatus], ...]
    trouble: str = ""

    @property
    def furthest(self) -> StudyStatus | None:
        """Where the study stands at the member that is furthest."""
        known = (
            one
            for member in self.members
            if member.status is not None
            for one in member.status.studies
            if one.study == self.study
        )
        return max(known, key=lambda one: one.closed_rounds, default=None)


def node_health(home: Path) -> NodeStatus | None:
    """Return what the node of a home says of itself, None where none answers."""
    return _asked(home, ask_status)


def network_health(folder: Path) -> NetworkHealth:
    """Return what the processes of a network say of themselves, asked all at once."""
    try:
        data = read_ordinary(folder / RECORD, LARGEST_RECORD)
        record = msgspec.json.decode(data, type=NetworkRecord)
    except (OSError, msgspec.MsgspecError, UnicodeError):
        return NetworkHealth("", (), (), f"{RECORD} cannot be read")
    services = [name for name in record.services if _plain(name)][:MOST_MEMBERS]
    members = [name for name in record.members if _plain(name)][:MOST_MEMBERS]
    with ThreadPoolExecutor(16) as pool:
        nodes = pool.map(lambda name: _asked(folder / MEMBERS / name, ask_status), members)
        ordering = pool.map(lambda name: _asked(folder / name, ask_sequencer), services)
        return NetworkHealth(
            record.study,
            tuple(map(Asked, services, ordering)),
            tuple(map(Asked, members, nodes)),
        )


def _plain(name: str) -> bool:
    """Return whether a name in a record is one folder's, and leads nowhere else."""
    return name not in ("", ".", "..") and not set(name) & set("/\\\0")


def _asked(home: Path, ask: Callable[[Path, float], S]) -> S | None:
    """Ask the process of a home; what is no ordinary, short file names none."""
    address = status_of(home / SERVED)
    linked = any(path.is_symlink() for path in (home, home.parent))
    if address is None or address.st_size > LARGEST_ADDRESS or linked:
        return None
    try:
        return ask(home, WITHIN)
    except CollegiumError:
        return None


def complaints(status: NodeStatus) -> Iterator[str]:
    """Yield what is wrong with a node, in sentences; nothing of one in good health."""
    if status.state != "following":
        yield f"The node is {status.state}{f': {status.trouble}' if status.trouble else ''}."
    if not status.enabled:
        yield "Its policy has the member switched off."
    if status.stalled > _LATE:
        yield f"Nothing that is due has become final for {status.stalled:.0f} s."
    if status.missing:
        yield f"Cosignatures of {', '.join(status.missing)} are missing."
    for one in status.studies:
        if one.stopped is not None:
            yield f"{one.study} stopped here: {one.stopped}."
        if one.outcome == "failed":
            yield f"{one.study} failed."
        for why in one.refused:
            yield f"{one.study} is refused here: {why}."
        if one.awaited and one.waiting > _LATE:
            yield f"{one.study} waits for {', '.join(one.awaited)} for {one.waiting:.0f} s."
        if one.silent:
            names = ", ".join(sorted({who.member for who in one.silent}))
            yield f"{one.study} goes on without {names}."
        if one.clipped is not None:
            yield f"{one.study} cut off this site's update in {len(one.clipped.rounds)} rounds."
        if one.rows:
            yield f"The site's rows are not as {one.study} says: see `collegium node status`."
    for refused in status.rejected:
        yield f"{refused.kind} is refused ({refused.code}) since {refused.since}: {refused.why}."
    for name, why in (*status.errors.items(), *status.proposals.items()):
        yield f"{name}: {why}."
    if any(one.blocks is not None for one in status.unordered):
        yield "Whoever orders keeps back what members have seen."
    if status.evidence:
        yield f"The home keeps evidence against whoever orders ({len(status.evidence)})."
    if status.equivocations:
        yield f"Members said two things ({len(status.equivocations)})."
    if status.missing_for > _LATE:
        yield f"{status.missing_blobs} blobs are missing, the first for {status.missing_for:.0f} s."
    if status.room:
        yield status.room
    if status.certificate_days is not None and status.certificate_days < _DAYS:
        yield f"A certificate ends in {status.certificate_days:.1f} days."


def sequencer_complaints(status: SequencerStatus) -> Iterator[str]:
    """Yield what is wrong with a sequencer, in sentences."""
    if not status.ready:
        yield "It waits for members to present themselves."
    if status.disk:
        yield f"Its disk fails: {status.disk}."
    if status.stalled > _LATE:
        names = ", ".join(status.awaited)
        yield f"Cosignatures of {names} have been missing for {status.stalled:.0f} s."
    if status.certificate_days is not None and status.certificate_days < _DAYS:
        yield f"Its certificate ends in {status.certificate_days:.1f} days."
