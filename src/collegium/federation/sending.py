"""What a site keeps of an update, and what it says of it: worked out once, said in two phases."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from collegium.federation.outbox import OutboxKey, WriteOnce
from collegium.learning.blobs import decode_update, digest, encode_update
from collegium.learning.encoding import indicators


class Sent(msgspec.Struct, frozen=True):
    """An update, or what hides it.

    Attributes:
        blob: its bytes.
        name: their digest.
        peak: an update's largest magnitude; 0 of what is hidden.
        saturated: how many of its coordinates are saturated; 0 of what is hidden.
    """

    blob: bytes
    name: bytes
    peak: int = 0
    saturated: int = 0


def hidden(blob: bytes) -> Sent:
    """Return what is sent of an update that is masked or encrypted."""
    return Sent(blob, digest(blob))


@dataclass(slots=True)
class Sending:
    """A site's updates: in its outbox before they are announced, the latest one in memory."""

    outbox: WriteOnce
    _latest: tuple[OutboxKey, Sent] | None = None

    def keep(self, key: OutboxKey, values: NDArray[np.int16], exponent: int) -> Sent:
        """Keep an update, int16 [d], under a key, unless there is one; return what is now kept."""
        data = encode_update(values, exponent)
        blob = self.outbox.put(key, data)
        return self._remember(key, blob, values if blob is data else decode_update(blob)[0])

    def kept(self, key: OutboxKey) -> Sent | None:
        """Return the update under a key, if the outbox has one."""
        if self._latest is not None and self._latest[0] == key:
            return self._latest[1]
        blob = self.outbox.get(key)
        return None if blob is None else self._remember(key, blob, decode_update(blob)[0])

    def _remember(self, key: OutboxKey, blob: bytes, values: NDArray[np.int16]) -> Sent:
        sent = Sent(blob, digest(blob), *indicators(values))
        self._latest = key, sent
        return sent
