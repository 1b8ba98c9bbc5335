"""The commitment to a site's data with which it accepts a study."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from hashlib import sha256

import numpy as np

from collegium.data.table import SiteRows
from collegium.data.tabular.study_rows import StudyRows, study_rows_bytes
from collegium.federation.identity import Identity
from collegium.federation.outbox import OutboxKey, WriteOnce
from collegium.ledger.hashing import lp


def snapshot(identity: Identity, study: str, parts: Iterable[SiteRows | StudyRows]) -> bytes:
    """Return the keyed commitment to the rows of all parts; the key's holder can open it.

    Of a table they are its rows before they are encoded.
    """
    rows = b"".join(lp(one) for part in parts for one in _said(part))
    return hmac.digest(identity.commitment_key(study), rows, sha256)


def first_snapshot(outbox: WriteOnce, genesis: bytes, study: str) -> bytes | None:
    """Return the commitment with which a site first accepted a study, under whatever key, or None.

    The acceptance need not have come to the ledger.
    """
    return outbox.get(_key(genesis, study))


def accepts_with(outbox: WriteOnce, genesis: bytes, study: str, found: bytes) -> bool:
    """Bind a commitment before it is said; return whether it is the one that was bound first.

    What goes with it tells how many rows there are: two of them would tell what has changed.
    """
    return outbox.put(_key(genesis, study), found) == found


def _key(genesis: bytes, study: str) -> OutboxKey:
    return OutboxKey(genesis, "accepted", study)


def _said(part: SiteRows | StudyRows) -> Iterator[bytes]:
    """Yield all that is in a part."""
    if isinstance(part, StudyRows):
        yield study_rows_bytes(part)
        return
    for array in (part.x, part.y, part.person):
        yield np.ascontiguousarray(array).tobytes()
