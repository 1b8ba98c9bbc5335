"""What a site keeps of an update, and what it says of it: worked out once, said in two phases."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from collegium.federation.outbox import OutboxKey, WriteOnce
from collegium.learning.blobs import decode_update, digest, encode_update
from collegium.learning.encoding import Units


class Sent(msgspec.Struct, frozen=True):
    """An update, or what hides it.

    Attributes:
        blob: its bytes.
        name: their digest.
        peak: an update's largest magnitude, in units of its encoding; 0 of what is hidden.
        at_the_end: how many coordinates have it, where nothing larger has its shift; 0 of what is
            hidden.
        shift: of an update; 0 of what is hidden.
    """

    blob: bytes
    name: bytes
    peak: int = 0
    at_the_end: int = 0
    shift: int = 0


def hidden(blob: bytes) -> Sent:
    """Return what is sent of an update that is masked or encrypted."""
    return Sent(blob, digest(blob))


@dataclass(slots=True)
class Sending:
    """A site's updates: in its outbox before they are announced, the latest one in memory."""

    outbox: WriteOnce
    _latest: tuple[OutboxKey, Sent] | None = None

    def keep(self, key: OutboxKey, values: Units, exponent: int) -> Sent:
        """Keep an update, integers [d], under a key, unless there is one; return what is kept."""
        blob = self.outbox.put(key, encode_update(values, exponent))
        return self._remember(key, blob)

    def kept(self, key: OutboxKey) -> Sent | None:
        """Return the update under a key, if the outbox has one."""
        if self._latest is not None and self._latest[0] == key:
            return self._latest[1]
        blob = self.outbox.get(key)
        return None if blob is None else self._remember(key, blob)

    def _remember(self, key: OutboxKey, blob: bytes) -> Sent:
        told = decode_update(blob)[0]
        sent = Sent(blob, digest(blob), told.peak, told.at_the_end, told.shift)
        self._latest = key, sent
        return sent
