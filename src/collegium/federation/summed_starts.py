"""What of a site's rows has entered which sums: a site's memory over all studies and ledgers.

An update follows from rows and the model that training starts from. Two sums of updates from one
model over different members are a linear system for single updates, whoever arranged it: another
study of the same seed, a server step so small that the model does not move, or members who are
missing. A contract sees one study on one ledger; so each site keeps in its outbox, for each start,
over whom the sum was that it opened, and opens none over others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

import msgspec
import numpy as np

from collegium.canonical import to_text
from collegium.data.table import SiteRows
from collegium.federation.outbox import OutboxKey, WriteOnce
from collegium.federation.view import StudyView
from collegium.learning.blobs import ModelState
from collegium.ledger.hashing import lp

Fetch = Callable[[bytes], ModelState | None]


class Summed(msgspec.Struct, frozen=True, array_like=True):
    """Over whom a sum was opened, and where."""

    members: tuple[str, ...]
    ledger: str
    study: str
    round: int

    @property
    def told(self) -> str:
        """The same in words."""
        place = f"{self.study}, round {self.round}, ledger {self.ledger[:8]}"
        return f"{', '.join(self.members)} ({place})"


def _same(known: Summed, now: Summed) -> bool:
    """Return whether a sum is over the same members, or of the same round."""
    places = [(one.ledger, one.study, one.round) for one in (known, now)]
    return known.members == now.members or places[0] == places[1]


def same_start(before: ModelState, now: ModelState, exponent: int) -> bool:
    """Return whether no parameter of a model moved by half a step of the encoding 2^-e."""
    if before.tensors != now.tensors:
        return False
    moved = now.parameters.astype(np.float64) - before.parameters
    return not np.rint(np.ldexp(moved, exponent)).any()


@dataclass(frozen=True, slots=True)
class SummedStarts:
    """A site's memory.

    Attributes:
        outbox: where it is kept, durably and once.
        ledger: the digest of the present one.
        member: the site.
        rows: what tells its training rows from others, however their inputs are prepared.
        fetch: returns the model of a digest, None if it cannot be had.
    """

    outbox: WriteOnce
    ledger: bytes
    member: str
    rows: bytes
    fetch: Fetch
    _told: dict[bytes, bytes] = field(default_factory=dict, compare=False)

    def before(self, view: StudyView) -> Summed | None:
        """Return over whom a sum from the open round's start was opened; None if none was."""
        kept = self.outbox.get(self._key(view))
        return None if kept is None else msgspec.json.decode(kept, type=Summed)

    def enters(self, view: StudyView) -> bool:
        """Note that the open round's sum is opened now; return whether no other one ever was.

        Attempts at one round are told apart by what its dealers have shown, and not here.
        """
        members = self._together(view, included=True)
        now = Summed(members, to_text(self.ledger), view.study, view.number)
        kept = self.outbox.put(self._key(view), msgspec.json.encode(now))
        return _same(msgspec.json.decode(kept, type=Summed), now)

    def differs(self, view: StudyView) -> Summed | None:
        """Return over whom a sum was, if it cannot be the one over the open round's dealers."""
        known = self.before(view)
        now = Summed(self._together(view), to_text(self.ledger), view.study, view.number)
        return None if known is None or _same(known, now) else known

    def _together(self, view: StudyView, *, included: bool = False) -> tuple[str, ...]:
        """Return who is in a sum with the site: of its group, where there are groups."""
        here = view.here
        if here is None:
            return ()
        names = here.included if included else tuple(here.deals)
        own = here.groups.get(self.member)
        return tuple(sorted(name for name in names if here.groups.get(name) == own))

    def _key(self, view: StudyView) -> OutboxKey:
        """Return where it is kept; no ledger and no study is in it."""
        start = self._told.get(view.model) or self._start(view)
        self._told.clear()  # only the open round's is asked for, and several times
        if start != view.model:  # it could be had
            self._told[view.model] = start
        return OutboxKey(b"", "summed", "", what=(self.rows.hex(), start.hex()))

    def _start(self, view: StudyView) -> bytes:
        """Return what tells the open round's start from others.

        A model that has not moved since an earlier one, in the coarsest steps of the round's
        encoding, is the same start.
        """
        name, exponent = view.model, 0 if view.round is None else view.round.exponent - view.room
        model = self.fetch(name)
        while model is not None:
            earlier = view.parent(to_text(name))
            before = None if earlier is None else self.fetch(earlier)
            if earlier is None or before is None or not same_start(before, model, exponent):
                shapes = msgspec.json.encode(model.tensors)
                return sha256(lp(shapes) + model.parameters.tobytes()).digest()
            name, model = earlier, before
        return name


def rows_told(rows: SiteRows) -> bytes:
    """Return what tells a site's training rows from others: their answers and persons, in order."""
    parts = (np.ascontiguousarray(array).tobytes() for array in (rows.y, rows.person))
    return sha256(b"".join(map(lp, parts))).digest()
