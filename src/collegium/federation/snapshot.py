"""The commitment to a site's data with which it accepts a study."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from hashlib import sha256

import numpy as np

from collegium.data.table import SiteRows
from collegium.federation.identity import Identity
from collegium.ledger.hashing import lp


def snapshot(identity: Identity, study: str, parts: Iterable[SiteRows]) -> bytes:
    """Return the keyed commitment to the rows of all parts; the key's holder can open it."""
    rows = b"".join(
        lp(np.ascontiguousarray(array).tobytes())
        for part in parts
        for array in (part.x, part.y, part.person)
    )
    return hmac.digest(identity.commitment_key(study), rows, sha256)
