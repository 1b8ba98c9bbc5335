"""The `solo` engine: in process, one file, no daemon. Transactions are ordered as they come.

What is ordered is final at once, and no certificate shows it: one process holds every key.

A block's sync goes on while the participants of the same process think about what comes next;
the next block is written after it. So a power cut takes at most one block, from which nothing
has followed yet but what everybody would say again (docs/decisions/0014).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from collegium.ledger.application import AcceptedTransaction, Application
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.durability import PendingSyncs
from collegium.ledger.equivocation import Conflict, EquivocationDetector
from collegium.ledger.genesis import Genesis
from collegium.ledger.keys import SigningKey
from collegium.ledger.opening import take_up_ledger
from collegium.ledger.ordering import LOG_KEY, Answer, Health, Ordered, Refused, Simulating
from collegium.ledger.state import State


class SoloOrdering:
    """A ledger whose holder orders transactions; it satisfies `ledger.ordering.Ordering`."""

    def __init__(self, application: Application, log_key: SigningKey | None) -> None:
        self.application = application
        self._log_key = log_key
        self._syncs = PendingSyncs()
        self._news: list[AcceptedTransaction] = []
        self._witness = EquivocationDetector()
        self._conflicts: tuple[Conflict, ...] = ()

    @property
    def final_size(self) -> int:
        """Number of entries: all are final."""
        return self.application.frontier.size

    def state_of(self, member: str) -> State:
        """Return the contract's state, which is everybody's."""
        return self.application.state

    def submit(self, envelopes: Sequence[bytes]) -> list[Answer]:
        """Apply transactions in the order given, as one block, once the last block is synced."""
        self._syncs.wait()
        outcomes = self.application.write(envelopes)
        self._syncs.begin(self.application.sync)
        self._conflicts = self._witness.watch(envelopes, outcomes)
        answers: list[Answer] = []
        for outcome in outcomes:
            if isinstance(outcome, Rejected):
                answers.append(Refused(outcome.code, outcome.reason))
            else:
                self._news.append(outcome)
                answers.append(Ordered(outcome.index))
        return answers

    def step(self, wait: float) -> list[AcceptedTransaction]:
        """Return what was accepted since the last step."""
        news, self._news = self._news, []
        return news

    def due(self) -> Sequence[bytes]:
        """Return nothing: whoever is all members has nobody to ask."""
        return ()

    def conflicts(self) -> Sequence[Conflict]:
        """Return equivocations that are not on record."""
        return self._conflicts

    def health(self) -> Health:
        """Nobody stands behind it, and nobody is missing."""
        return Health()

    def check(self) -> bool:
        """Nobody else has the file, so that it could be mended."""
        return True

    def close(self, *, complete: bool = False) -> None:
        """Seal the file if the history is complete, keep a snapshot, and release it."""
        try:
            self._syncs.close()
            if complete and self._log_key is not None:
                self.application.seal(self._log_key)
            self.application.write_snapshot()
        finally:
            self.application.close()


def open_solo(
    path: Path, genesis: Genesis, log_key: SigningKey | None, warn: Callable[[str], None]
) -> SoloOrdering:
    """Create the ledger file, or continue the one that is there.

    Raises:
        RunError: the file is another ledger's.
        CollegiumError: it is malformed or contradicts the contract.
    """
    return SoloOrdering(take_up_ledger(path, genesis, warn), log_key)


@dataclass(frozen=True, slots=True)
class Solo:
    """The engine; it satisfies `ledger.ordering.Simulates`."""

    about: str = "in this process, one file, no daemon"
    has_log_key: bool = True

    def simulate(self, simulating: Simulating) -> SoloOrdering:
        """Open a consortium's ordering, as `open_solo`."""
        key = simulating.keys.get(LOG_KEY)
        return open_solo(simulating.path, simulating.genesis, key, simulating.warn)


SOLO = Solo()
