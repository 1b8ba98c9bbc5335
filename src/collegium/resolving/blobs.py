"""What is behind an attempt's digests: models, updates, deals and shares, each read once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from collegium.learning.aggregation.next_model import DecodedUpdate, checked_reading, read_update
from collegium.learning.aggregation.updates import Contribution
from collegium.learning.blobs import ModelState, decode_model
from collegium.ledger.contract.rules import sent_of
from collegium.ledger.contract.tables import RevealRecord
from collegium.ledger.sealing import Context, KeyOf, unseal
from collegium.resolving.attempt import Attempt, blob_of, update_of
from collegium.resolving.resolved import Absence, Lacking

KEPT_BYTES = 1 << 26
"""Bytes of updates that are kept: of those that were read last, and of a round's."""

_Key = tuple[str, int, int, str]
"""Study, round, attempt and author of an update."""


class Blobs(Protocol):
    """What resolving an attempt asks for.

    What cannot be had raises Lacking, what is malformed FormatError.
    """

    def model(self, name: bytes) -> ModelState:
        """Return a model."""
        ...

    def updates(self, attempt: Attempt) -> list[Contribution]:
        """Return the included plain updates in order, each checked against its reveal."""
        ...

    def hidden(self, attempt: Attempt) -> tuple[dict[str, bytes], dict[str, bytes]]:
        """Return the blobs of the included hidden vectors, and of all deals."""
        ...

    def named(self, names: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return blobs by who named them, without those that cannot be had."""
        ...


class DecodedUpdates:
    """What update blobs say, by digest, read once in a process.

    Validators of one process read the same bytes, and the same bytes say the same, so one reading
    serves them all. What a validator concludes from it, above all the next model, is its own work.
    """

    def __init__(self) -> None:
        self._kept: dict[bytes, DecodedUpdate] = {}
        self._bytes = 0

    def of(self, name: bytes, data: bytes) -> DecodedUpdate:
        """Return what is in an update blob of that digest.

        Raises:
            FormatError: it is no update.
        """
        known = self._kept.get(name)
        if known is not None:
            return known
        reading = self._kept[name] = read_update(data)
        self._bytes += reading.told.values.nbytes
        while self._bytes > KEPT_BYTES:
            self._bytes -= self._kept.pop(next(iter(self._kept))).told.values.nbytes
        return reading


@dataclass(slots=True)
class StoredBlobs:
    """Blobs as a member or an auditor has them; it satisfies `Blobs`.

    Attributes:
        fetch: returns a blob by its digest, None where it cannot be had.
        fetch_all: does so for several, in less time.
        key_of: the keys that open what is sealed to their owner.
        readings: of updates, which validators of one process may share.
        retired: digests of blobs whose absence is no fault.
        opened: whether a sealed update may lie here as it was before.
    """

    fetch: Callable[[bytes], bytes | None]
    fetch_all: Callable[[Sequence[bytes]], Sequence[bytes | None]]
    key_of: KeyOf
    readings: DecodedUpdates = field(default_factory=DecodedUpdates)
    retired: frozenset[bytes] = frozenset()
    opened: bool = False
    _checked: dict[_Key, tuple[RevealRecord, Contribution]] = field(default_factory=dict)
    _made: tuple[bytes, ModelState] | None = None

    def model(self, name: bytes) -> ModelState:
        """Return a model; the one that was made last need not be read again."""
        if self._made is not None and self._made[0] == name:
            return self._made[1]
        data = self.fetch(name)
        if data is None:
            raise Lacking("model")
        return decode_model(data)

    def remember(self, name: bytes, model: ModelState) -> None:
        """Keep the model that was made last."""
        self._made = name, model

    def forget_updates(self) -> None:
        """Keep no updates any more: what they lead to is known."""
        self._checked.clear()

    def raw(self, attempt: Attempt, author: str) -> bytes | Absence:
        """Return a revealed update's or hidden vector's blob, opened, or why it cannot be had.

        Raises:
            FormatError: it is sealed to a key that is here, and opens to something else.
        """
        reveal, name = attempt.reveals[author], blob_of(attempt.reveals[author])
        if isinstance(reveal.sealed, str) and self.opened:
            plain = self.fetch(update_of(reveal))
            if plain is not None:
                return plain
        data = self.fetch(name)
        if data is None:
            return "retired" if name in self.retired else "missing"
        if isinstance(reveal.sealed, str):
            place = attempt.place
            context = Context(
                place.genesis, place.study, place.round, place.attempt, author, update_of(reveal)
            )
            data = unseal(data, context, self.key_of)
        return "sealed" if data is None else data

    def update(self, attempt: Attempt, author: str) -> Contribution | Absence:
        """Return a revealed plain update, checked once, or why it cannot be had.

        Raises:
            FormatError: it is not what its author claimed of it.
        """
        reveal, place = attempt.reveals[author], attempt.place
        key = (place.study, place.round, place.attempt, author)
        known = self._checked.get(key)
        if known is not None and known[0] == reveal:
            return known[1]
        data = self.raw(attempt, author)
        if isinstance(data, str):
            return data
        name, size = update_of(reveal), sent_of(attempt.terms)
        found = checked_reading(
            name, self.readings.of(name, data), size, attempt.exponent, attempt.room,
            reveal.peak, reveal.saturated,
        )  # fmt: skip
        if 2 * size * attempt.terms.per_round <= KEPT_BYTES:
            self._checked[key] = reveal, found
        return found

    def updates(self, attempt: Attempt) -> list[Contribution]:
        """Return the included plain updates in order."""
        found = [self.update(attempt, name) for name in attempt.included]
        absent = [one for one in found if isinstance(one, str)]
        if absent or not found:
            raise Lacking(*absent)
        return [one for one in found if not isinstance(one, str)]

    def hidden(self, attempt: Attempt) -> tuple[dict[str, bytes], dict[str, bytes]]:
        """Return the blobs of the included hidden vectors, and of all deals."""
        names = {name: blob_of(attempt.reveals[name]) for name in attempt.included}
        vectors, deals = self.named(names), self.named(attempt.deals)
        absent: list[Absence] = [
            "retired" if one in self.retired else "missing"
            for name, one in names.items()
            if name not in vectors
        ]
        absent += ["missing"] * (len(attempt.deals) - len(deals))
        if absent:
            raise Lacking(*absent)
        return vectors, deals

    def named(self, names: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return blobs by who named them, without those that cannot be had."""
        found = zip(names, self.fetch_all(list(names.values())), strict=True)
        return {name: data for name, data in found if data is not None}
