"""The commitment to a site's data with which it accepts a study."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from hashlib import sha256

import numpy as np

from collegium.data.table import SiteRows
from collegium.data.tabular.study_rows import StudyRows, study_rows_bytes
from collegium.federation.identity import Identity
from collegium.ledger.hashing import lp


def snapshot(identity: Identity, study: str, parts: Iterable[SiteRows | StudyRows]) -> bytes:
    """Return the keyed commitment to the rows of all parts; the key's holder can open it.

    Of a table they are its rows before they are encoded.
    """
    rows = b"".join(lp(one) for part in parts for one in _said(part))
    return hmac.digest(identity.commitment_key(study), rows, sha256)


def _said(part: SiteRows | StudyRows) -> Iterator[bytes]:
    """Yield all that is in a part."""
    if isinstance(part, StudyRows):
        yield study_rows_bytes(part)
        return
    for array in (part.x, part.y, part.person):
        yield np.ascontiguousarray(array).tobytes()
