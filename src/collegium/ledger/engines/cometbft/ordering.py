"""A member's ordering by CometBFT: one node's side of it.

CometBFT asks on threads; everything that touches the state is answered within `step`, so that
nobody reads a state between a block's execution and its commit. What is committed is final.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from threading import Condition
from time import monotonic
from typing import Protocol

from collegium.errors import CollegiumError, FormatError, RunError, reason_of
from collegium.ledger.application import AcceptedTransaction, Application
from collegium.ledger.contract.members import is_quorum, validator_powers
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.durability import write_whole
from collegium.ledger.engines.cometbft import abci
from collegium.ledger.engines.cometbft.commit import NAME as COMMIT
from collegium.ledger.engines.cometbft.commit import decode_commit
from collegium.ledger.engines.cometbft.cosigning import KEPT, Cosigning
from collegium.ledger.engines.cometbft.execution import Execution, Unanswerable, node_ids
from collegium.ledger.engines.cometbft.listening import Connection, Listener
from collegium.ledger.engines.cometbft.refusals import code_of
from collegium.ledger.engines.cometbft.rpc import Refusal
from collegium.ledger.equivocation import Conflict
from collegium.ledger.ordering import (
    Answer,
    Health,
    Letter,
    NotYet,
    OpenDemand,
    Ordered,
    OrderingAlone,
    Refused,
)
from collegium.ledger.state import State

DECIDES_WITHIN = 2.0
"""Seconds for which whoever hands transactions over waits for their block."""

COMMITS_WITHIN = 60.0
"""Seconds between a block's execution and `Commit`; CometBFT sends it at once, or is gone."""

REMEMBERED = 8192
"""Decided transactions that are kept in mind, so that one which is handed over again is known."""

LOOKS_EVERY = 2.0
"""Seconds between two looks at who is connected."""

ALONE_AFTER = 6.0
"""Seconds without enough connections after which there is no quorum."""

_BLOCK = (abci.FinalizeBlock, abci.Commit)


class Asks(Protocol):
    """The part of `rpc.Rpc` that is used here."""

    def submit(self, transaction: bytes) -> tuple[int, str]:
        """Lay a transaction into the mempool."""
        ...

    def peers(self) -> list[str]:
        """Return the ids of the nodes that are connected."""
        ...

    def commit(self, height: int) -> bytes:
        """Return the header of a block and the votes for it, as JSON."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


class Runs(Protocol):
    """The part of `child.Child` that is used here."""

    @property
    def running(self) -> bool:
        """Whether it runs."""
        ...

    @property
    def trouble(self) -> str | None:
        """Why it does not."""
        ...

    def watch(self) -> None:
        """Start it, if it does not run and its rest is over."""
        ...

    def stop(self) -> None:
        """End it."""
        ...


class CometOrdering:
    """It satisfies `ledger.ordering.Ordering` and `Corresponds`. `engine` makes it."""

    def __init__(
        self, execution: Execution, cosigning: Cosigning, listener: Listener, rpc: Asks,
        child: Runs, home: Path, member: str,
    ) -> None:  # fmt: skip
        """Order with a child that is not started yet.

        Args:
            execution: the application.
            cosigning: the member's cosignatures of what is committed.
            listener: where CometBFT asks it.
            rpc: where CometBFT is asked.
            child: its process.
            home: the member's.
            member: whose node this is.
        """
        self.execution, self._cosigning = execution, cosigning
        self._listener, self._rpc, self._child = listener, rpc, child
        self._home, self._member = home, member
        self._tried = 0
        self._kept = ""  # the application hash of the commit that is kept
        with suppress(OSError, FormatError):
            known = decode_commit((home / COMMIT).read_bytes())
            self._kept = known.header.app_hash.lower()
        self._decided: OrderedDict[bytes, Answer] = OrderedDict()
        self._undecided: dict[bytes, float] = {}  # since when it was handed over
        self._changed = Condition()
        self._closed = False
        self._peers: tuple[str, ...] = ()
        self._look_at = 0.0
        self._alone_since: float | None = None
        self._stopped_by: str | None = None

    @property
    def application(self) -> Application:
        """The member's copy."""
        return self.execution.application

    @property
    def final_size(self) -> int:
        """Number of entries: what is committed is final."""
        return self.application.size

    def state_of(self, member: str) -> State | None:
        """Return the state, unless a block is executed and not committed."""
        return None if self.execution.busy else self.application.state

    # In: by the thread that hands over.

    def submit(self, envelopes: Sequence[bytes]) -> list[Answer]:
        """Lay transactions into the mempool and wait a while for their blocks."""
        digests = [sha256(one).digest() for one in envelopes]
        answers: dict[bytes, Answer] = {}
        for digest, envelope in zip(digests, envelopes, strict=True):
            known = self._known(digest)
            answers[digest] = known if isinstance(known, Ordered) else self._hand_over(envelope)
        with self._changed:
            since, waiting = self._undecided, monotonic()
            self._undecided = {
                digest: since.get(digest, waiting)
                for digest, answer in answers.items()
                if answer == NotYet()
            }
        until = monotonic() + DECIDES_WITHIN
        with self._changed:
            while (left := until - monotonic()) > 0 and not self._closed:
                for digest, answer in answers.items():
                    if answer == NotYet() and digest in self._decided:
                        answers[digest] = self._decided[digest]
                if NotYet() not in answers.values():
                    break
                self._changed.wait(left)
        return [answers[digest] for digest in digests]

    def _known(self, digest: bytes) -> Answer | None:
        with self._changed:
            answer = self._decided.get(digest)
            if isinstance(answer, Refused):
                del self._decided[digest]  # it may be tried again when the ledger has grown
            return answer

    def _hand_over(self, envelope: bytes) -> Answer:
        try:
            code, why = self._rpc.submit(envelope)
        except Refusal as error:
            return NotYet() if "already exists" in str(error) else NotYet("busy", str(error)[:200])
        return Refused(code_of(code), why) if code else NotYet()

    # Out: by the node's loop.

    def step(self, wait: float) -> list[AcceptedTransaction]:
        """Answer CometBFT for at most `wait` seconds, or until a block has brought something.

        Raises:
            RunError: CometBFT does not run.
            OrderingAlone: too few others are connected for a quorum.
        """
        until = monotonic() + wait
        self._child.watch()
        while not self.execution.news:
            busy = self.execution.busy
            left = COMMITS_WITHIN if busy else until - monotonic()
            if left <= 0:
                break
            taken = self._listener.take(left)
            if taken is not None:
                self._answer(*taken)
            elif busy:
                self.execution.give_up()  # its connection ended, or nothing came for long
        commits, self.execution.commits = self.execution.commits, []
        for head, judges in commits[-KEPT:]:
            self._cosigning.committed(head, judges)
        news, self.execution.news = self.execution.news, []
        if not news:
            self._keep_commit()
            self._look()
        return news

    def _keep_commit(self) -> None:
        """Keep the votes for a block whose header says what the application is now.

        That is the one after the last block that changed it. CometBFT makes it at once, and is
        asked once at each height.
        """
        now = self.execution.height
        if not self._child.running or now.height == self._tried or now.app_hash == self._kept:
            return
        with suppress(CollegiumError, Refusal):
            data = self._rpc.commit(now.height)
            self._tried = now.height
            if decode_commit(data).header.app_hash.lower() == now.app_hash:
                write_whole(self._home / COMMIT, data)
                self._kept = now.app_hash

    def _answer(self, connection: Connection, request: abci.Request) -> None:
        try:
            response = self.execution.answer(request)
        except Unanswerable as error:
            self._stopped_by = str(error)
            connection.answer(abci.exception(self._stopped_by), now=True)
            return
        except OSError as error:
            connection.answer(abci.exception(reason_of(error)), now=True)
            self.execution.give_up()
            raise
        if self.execution.decided:
            self._note()
        connection.answer(response, now=isinstance(request, abci.Flush))

    def _note(self) -> None:
        with self._changed:
            for envelope, outcome in self.execution.decided:
                digest = sha256(envelope).digest()
                self._undecided.pop(digest, None)
                self._decided[digest] = (
                    Refused(outcome.code, outcome.reason)
                    if isinstance(outcome, Rejected) else Ordered(outcome.index)
                )  # fmt: skip
            while len(self._decided) > REMEMBERED:
                self._decided.popitem(last=False)
            self.execution.decided.clear()
            self._changed.notify_all()

    def _look(self) -> None:
        """Look from time to time who is connected.

        Raises:
            RunError: CometBFT does not run.
            OrderingAlone: too few others are connected for a quorum.
        """
        if not self._child.running:
            raise RunError(
                "cometbft.away", "CometBFT does not run",
                self._stopped_by or self._child.trouble or "it is being started",
                "see cometbft.log in the home; the node starts it again by itself",
            )  # fmt: skip
        now = monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOKS_EVERY
            try:
                connected = set(self._rpc.peers())
                ids = node_ids(self.application.state)
                self._peers = tuple(sorted(name for name, one in ids.items() if one in connected))
            except (CollegiumError, Refusal):
                self._peers = ()
            alone = not self._has_quorum()
            self._alone_since = (self._alone_since or now) if alone else None
        if self._alone_since is not None and now - self._alone_since > ALONE_AFTER:
            there = ", ".join(self._peers) or "nobody"
            raise OrderingAlone(
                "cometbft.quorum", "too few members are connected to order anything",
                f"of the others {there} can be reached; more than two thirds of all power order",
                "see that their nodes run and that one of each two members reaches the other",
            )  # fmt: skip

    def _has_quorum(self) -> bool:
        """Return whether those who are connected can order, as far as it can be told.

        Votes of others may travel over one who is connected. So where some are, there is no quorum
        only if they are too few, and what was handed over is not decided either.
        """
        powers = validator_powers(self.application.state)
        there = {*self._peers, self._member} & powers.keys()
        if is_quorum(sum(powers[name] for name in there), sum(powers.values())):
            return True
        with self._changed:
            oldest = min(self._undecided.values(), default=None)
        return bool(self._peers) and (oldest is None or monotonic() - oldest < ALONE_AFTER)

    def silencing(self, *, letters: bool) -> str | None:
        """Return None: any validator's block may hold a member's transactions."""
        return None

    @property
    def demands(self) -> Sequence[OpenDemand]:
        """Return nothing: whoever proposes a block that leaves out is followed by another."""
        return ()

    def correspond(self, due: Sequence[bytes], letters: Mapping[str, Letter]) -> Letter:
        """Take up what others have cosigned; return what this member has."""
        self._cosigning.take(letters)
        return Letter(cosigned=self._cosigning.letter())

    def nonces(self) -> Sequence[bytes]:
        """Return nothing: nobody waits for the log to grow."""
        return ()

    def due(self) -> Sequence[bytes]:
        """Return nothing: CometBFT's own words are not in the ledger."""
        return ()

    def conflicts(self) -> Sequence[Conflict]:
        """Return equivocations that are not on record."""
        return self.execution.conflicts

    def health(self) -> Health:
        """Return who is connected, and what goes wrong."""
        powers = validator_powers(self.application.state)
        there = {*self._peers, self._member}
        troubles = {
            f"ledger of {name}": f"{name} has cosigned another history of {size} entries: compare "
            "the two ledgers (`collegium audit block`)"
            for name, size in self._cosigning.apart.items()
        }
        if self._stopped_by:
            troubles["cometbft"] = self._stopped_by
        elif self._child.trouble:
            troubles["cometbft"] = self._child.trouble
        return Health(
            certified=self._cosigning.cosigners(),
            missing=tuple(name for name in powers if name not in there),
            troubles=troubles,
        )

    def check(self) -> bool:
        """Return whether the file holds what was executed."""
        return True

    def close(self, *, complete: bool = False) -> None:
        """End CometBFT and release the files; a snapshot makes the next start fast."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._child.stop()
        self._listener.close()
        self._rpc.close()
        self.execution.give_up()
        try:
            self.application.write_snapshot()
        finally:
            self.application.close()
