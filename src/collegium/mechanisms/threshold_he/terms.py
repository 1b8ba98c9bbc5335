"""What is said of encrypted updates on the ledger; docs/spec/16-encrypted-sums.md."""

from __future__ import annotations

from collegium.ledger.contract.fields import Digest
from collegium.ledger.contract.mechanism import Mechanism, Phase
from collegium.ledger.contract.payload import RoundTransaction

LARGEST_ENCRYPTED = 64
"""Sites of a round that encrypt: the modulus has room for the noise of so many."""


class SumOpen(RoundTransaction, frozen=True, kw_only=True, tag="sum.open"):
    """The blob of a survivor's share of the key that opens the sum of encrypted updates."""

    digest: Digest


MECHANISM = Mechanism(
    "threshold_he", 1, transactions=(SumOpen,),
    phases=(Phase("open", "participants", "sum.open", "shares", 80, opens="digest"),),
    carries=True, hides=True, opens_one_key=True, requires=("dealing",),
)  # fmt: skip
