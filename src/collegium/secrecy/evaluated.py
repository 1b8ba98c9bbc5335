"""From hidden counts of test rows to what is told of their sum: every validator repeats it.

docs/spec page 19.
"""

from __future__ import annotations

from collegium.learning.evaluation.counts import agrees, largest
from collegium.learning.evaluation.summed import encode_sum, summed
from collegium.secrecy.counted import total_counts
from collegium.secrecy.opening import secure_sum_named
from collegium.secrecy.secure_sum import Flaw
from collegium.secrecy.sums import Sealed, Unfit


def evaluated(design: str, sealed: Sealed, model: str) -> bytes | Flaw | Unfit:
    """Return the blob of what is told of a sum, or why there is none.

    Args:
        design: of the sum.
        sealed: what the ledger and its blobs hold.
        model: digest of the model, as the ledger writes it.

    Raises:
        FormatError: a blob is malformed.
    """
    found = total_counts(secure_sum_named(design), sealed, largest())
    if isinstance(found, Flaw | Unfit):
        return found
    sites = len(sealed.hidden)
    return encode_sum(summed(found, sites, model)) if agrees(found, sites) else Unfit("range")
