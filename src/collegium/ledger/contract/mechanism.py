"""What a mechanism declares: what is said of it on the ledger, in which phases, and where it adds.

A mechanism is one capability of a study, such as secure aggregation or scores. Its folder,
``collegium.mechanisms.NAME``, has a file for each room that needs to know of it; `terms` declares
what this file describes, and `rules` (`ledger.contract.rules`) says what the contract does. The
contract knows no mechanism by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from collegium.ledger.contract.event import Event
from collegium.ledger.contract.fields import PHASE
from collegium.ledger.contract.payload import Transaction

Where = Literal["terms", "commit", "result", "opened"]
"""What a mechanism may add a part to: a registration, a commitment, a vote, an opening round."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of an attempt.

    Attributes:
        name: such as ``score.commit``.
        speakers: the round's table whose members are expected to speak, such as ``validators``.
        kind: by which kind of transaction they speak.
        table: where the round keeps what they said.
        rank: its place among the phases of an attempt; `RANKS` has those that every attempt has.
        opens: which field of what is said in it holds what may open a sum, if one does.
    """

    name: str
    speakers: str
    kind: str
    table: str
    rank: int
    opens: str = ""

    def __post_init__(self) -> None:
        """Refuse a name that no timeout of the phase could say."""
        if PHASE.fullmatch(self.name) is None:
            raise ValueError(
                f"the phase {self.name!r} needs another name: lower-case letters, 20 at most, "
                "with a second such word behind a dot if need be"
            )


RANKS: Mapping[str, int] = {"commit": 30, "reveal": 40, "available": 50, "vote": 90}
"""Places of the phases of every attempt; mechanisms put theirs between them."""


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One version of a mechanism.

    Attributes:
        name: of its folder.
        version: what it means never changes; another meaning is another version.
        parts: what it adds, and to what.
        transactions: kinds of its own.
        events: of its own.
        actions: what members may propose because of it.
        phases: that it puts into an attempt.
        before: phases of a study that it puts before the first round, in order.
        key_fields: fields of its transactions that are part of their natural keys.
        carries: whether it is a way in which updates travel; each study has exactly one.
        hides: whether only the sum of updates can be known.
        opens_one_key: whether what opens a sum is the key of that sum, and no member's secret.
        requires: others without which it makes no sense.
    """

    name: str
    version: int
    parts: Mapping[Where, type[msgspec.Struct]] = field(default_factory=dict)
    transactions: tuple[type[Transaction], ...] = ()
    events: tuple[type[Event], ...] = ()
    actions: tuple[type[msgspec.Struct], ...] = ()
    phases: tuple[Phase, ...] = ()
    before: tuple[str, ...] = ()
    key_fields: tuple[str, ...] = ()
    carries: bool = False
    hides: bool = False
    opens_one_key: bool = False
    requires: tuple[str, ...] = ()

    @property
    def versioned(self) -> str:
        """Its name as ledgers record it, such as ``scores@1``."""
        return f"{self.name}@{self.version}"

    @property
    def field(self) -> str:
        """What its parts are called; each version has a field of its own."""
        return self.name if self.version == 1 else f"{self.name}_{self.version}"
