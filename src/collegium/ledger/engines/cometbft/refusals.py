"""Why the contract refuses a transaction, as the fixed number that CometBFT's blocks bind.

`code` of a result enters the header of the next block, so that all members must have the same;
texts do not. A number is never used for another code.
"""

from __future__ import annotations

from collections.abc import Mapping

from collegium.ledger.contract.rejected import Rejected

NUMBERS: Mapping[str, int] = {
    "malformed": 1, "signature": 2, "unknown-member": 3, "role": 4, "unknown-study": 5,
    "not-a-participant": 6, "early": 7, "stale": 8, "already": 9, "refused": 10,
}  # fmt: skip

OTHER = 99
"""Of a code that has no number yet; members of one release all say so."""

CODES: Mapping[int, str] = {number: code for code, number in NUMBERS.items()}


def number_of(rejected: Rejected | None) -> int:
    """Return a refusal's number; 0 where nothing is refused."""
    return 0 if rejected is None else NUMBERS.get(rejected.code, OTHER)


def code_of(number: int) -> str:
    """Return the contract's code behind a number."""
    return CODES.get(number, "refused")
