"""One kind of message that leaves a member, and the words that all kinds share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

LEDGER = "as long as the ledger: entries are never removed"
BLOBS = "as long as the run's blobs are kept"
RETIRED = (
    "until the study is closed, and then until it is retired: the site by its own word retires its"
    " updates, more than two thirds of the validators' power everybody's. Members and stores then"
    " delete them; that nobody kept a copy cannot be shown"
)


@dataclass(frozen=True, slots=True)
class Recipients:
    """How what a member says reaches others, which is alike for everything on the ledger."""

    everybody: str
    signed: str


IN_ONE_PROCESS = Recipients(
    "everybody who is given the ledger", "signed by the site; not encrypted"
)
BETWEEN_MEMBERS = Recipients(
    "every member, and everybody whom one gives the ledger",
    "signed by the site; on its way encrypted (TLS), on the ledger not",
)


@dataclass(frozen=True, slots=True)
class Outbound:
    """One kind of message.

    Attributes:
        kind: what it is called.
        contents: everything in it, in plain words.
        to: who can read it.
        protection: what keeps others from reading, changing or guessing it.
        kept: for how long, by those who received it.
        from_rows: whether any of it is calculated from patients' rows.
        transactions: the kinds of the ledger's transactions that carry it; none for a blob.
    """

    kind: str
    contents: str
    to: str
    protection: str
    kept: str
    from_rows: bool
    transactions: tuple[str, ...] = ()


class Telling(Protocol):
    """A stage of an update, as far as it says what it does to one."""

    def tell(self, message: Outbound, ways: Recipients, /) -> Outbound:
        """Return what is said of an update with the stage's words."""
        ...


EVERY_ROUND = " for every round that the site takes part in"
"""How often a site sends what belongs to its update."""
