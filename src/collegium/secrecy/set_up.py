"""From hidden counts of tables to what sites agree on: every validator and auditor repeats it.

docs/spec page 19.
"""

from __future__ import annotations

from collegium.data.tabular.agreement import Agreement
from collegium.data.tabular.counting import concluded, largest_counts
from collegium.secrecy.counted import total_counts
from collegium.secrecy.opening import secure_sum_named
from collegium.secrecy.secure_sum import Flaw
from collegium.secrecy.sums import Sealed, Unfit


def agreed_by_sum(
    design: str, sealed: Sealed, before: Agreement, smallest: int
) -> bytes | Flaw | Unfit:
    """Return the blob of what follows from a sum of counts of tables, or why there is no sum.

    Args:
        design: of the sum.
        sealed: what the ledger and its blobs hold.
        before: what was agreed before.
        smallest: K, the persons behind everything that is used of the sum.

    Raises:
        CollegiumError: a blob is malformed, or nothing can be learned.
    """
    found = total_counts(secure_sum_named(design), sealed, largest_counts(before))
    if isinstance(found, Flaw | Unfit):
        return found
    return concluded(before, found, tuple(sealed.hidden), smallest) or Unfit("range")
