"""What CometBFT asks and this application answers: check, propose, execute, commit (ABCI 2.0).

The ledger has a frame for each block that holds transactions; one without any changes nothing,
since `create_empty_blocks` is off and every change of the application hash would call for
another block. What is executed is written only by `Commit`: spec/abci, "crash recovery".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from collegium.errors import FormatError
from collegium.ledger.application import AcceptedTransaction, Application
from collegium.ledger.contract.members import (
    consensus_address,
    consensus_keys,
    validator_powers,
)
from collegium.ledger.contract.rejected import Rejected
from collegium.ledger.contract.tables import MEMBERS, MemberRecord
from collegium.ledger.engines.cometbft import abci
from collegium.ledger.engines.cometbft.height import Height, write_height
from collegium.ledger.engines.cometbft.home import chain_id
from collegium.ledger.engines.cometbft.refusals import number_of
from collegium.ledger.envelope import LARGEST_ENVELOPE, decode_envelope
from collegium.ledger.equivocation import Conflict, EquivocationDetector
from collegium.ledger.note import Checkpoint
from collegium.ledger.state import State
from collegium.ledger.validators import ValidatorSet, validator_set_of

KIND = "cometbft"
"""What the ledger's blocks name as their certificate."""

ID_FILTER, ADDRESS_FILTER = "/p2p/filter/id/", "/p2p/filter/addr/"
"""What CometBFT asks before it lets another node in."""

MOST_BEFORE = 64
"""Transactions of one member that wait and that the next one may stand on."""


class Unanswerable(Exception):
    """CometBFT asks for what cannot be; it is told so, and stops."""


class Execution:
    """The application behind CometBFT.

    Attributes:
        application: the ledger.
        height: of the last block that was committed.
        news: accepted transactions of blocks that were committed, until somebody takes them.
        decided: what became of transactions in blocks that were committed, likewise.
        commits: the checkpoint after each of those blocks, and the validators before it.
        conflicts: equivocations that are not on record.
        misbehaved: addresses of keys that CometBFT has found to sign two votes, and at which
            height.
    """

    def __init__(self, home: Path, application: Application, height: Height) -> None:
        """Go on after a block; the application is as of it."""
        self.application, self.height = application, height
        self.news: list[AcceptedTransaction] = []
        self.decided: list[tuple[bytes, AcceptedTransaction | Rejected]] = []
        self.commits: list[tuple[Checkpoint, ValidatorSet]] = []
        self.conflicts: tuple[Conflict, ...] = ()
        self.misbehaved: dict[str, int] = {}
        self._home = home
        self._witness = EquivocationDetector()
        self._waiting: dict[bytes, list[bytes]] = {}  # by key: what may be in the next block
        self._judges = validator_set_of(application.state, application.identity)
        self._executed: tuple[int, list[tuple[bytes, AcceptedTransaction | Rejected]]] | None = None

    @property
    def busy(self) -> bool:
        """Whether a block is executed and not committed: nobody reads the state now."""
        return self._executed is not None

    def answer(self, request: abci.Request) -> abci.Response:
        """Do what a request asks, and return what is answered.

        Raises:
            Unanswerable: it cannot be done; nothing was changed.
            OSError: the disk refuses.
        """
        match request:
            case abci.Echo(said):
                return abci.echoed(said)
            case abci.Flush():
                return abci.flushed()
            case abci.Info():
                root = bytes.fromhex(self.height.app_hash)
                return abci.info("collegium", self.height.height, root)
            case abci.InitChain():
                return self._begin(request)
            case abci.CheckTx(transaction, again):
                return self._check(transaction, again=again)
            case abci.PrepareProposal(most, transactions):
                return abci.proposal(_fitting(transactions, most))
            case abci.ProcessProposal(transactions):
                fits = all(len(one) <= LARGEST_ENVELOPE for one in transactions)
                return abci.proposal_judged(accept=fits)
            case abci.FinalizeBlock():
                return self._execute(request)
            case abci.Commit():
                return self._commit()
            case abci.Query(path):
                return abci.queried(allowed=self._may(path))
            case abci.ListSnapshots():
                return abci.snapshots(())
            case abci.OfferSnapshot():
                return abci.offer_answered(abci.ABORT)
            case abci.LoadSnapshotChunk():
                return abci.chunk(b"")
            case abci.ApplySnapshotChunk():
                return abci.chunk_applied(abci.ABORT)
            case abci.Unused(field):
                raise Unanswerable(f"vote extensions are off, and request {field} is about them")

    def give_up(self) -> None:
        """Take back a block that was executed, where CometBFT went away before `Commit`."""
        if self._executed is not None:
            if self.application.uncommitted:
                self.application.undo()
            self._executed = None

    def _may(self, path: str) -> bool:
        """Return whether a node may connect: one of an active member's, from any address."""
        if path.startswith(ADDRESS_FILTER):
            return True
        return path.startswith(ID_FILTER) and path[len(ID_FILTER) :] in set(
            node_ids(self.application.state).values()
        )

    def _begin(self, request: abci.InitChain) -> abci.Response:
        application = self.application
        expected = chain_id(application.identity)
        if request.chain != expected:
            raise Unanswerable(f"the chain is {request.chain}, and this ledger's is {expected}")
        if application.size or self.height.height:
            raise Unanswerable("a chain begins, and this ledger has blocks")
        if dict(request.validators) != _powers(application.state):
            raise Unanswerable("the chain's validators are not those of the ledger's genesis")
        return abci.chain_begun(application.application_hash())

    def _check(self, transaction: bytes, *, again: bool) -> abci.Response:
        key = _key_of(transaction)
        before = self._waiting.get(key, [])
        rejected = self.application.check(transaction, before)
        if rejected is None:
            if len(before) < MOST_BEFORE:
                self._waiting.setdefault(key, []).append(transaction)
            return abci.checked(0, "")
        if not again:
            self.conflicts = self._witness.watch([transaction], [rejected])
        return abci.checked(number_of(rejected), rejected.reason)

    def _execute(self, request: abci.FinalizeBlock) -> abci.Response:
        self.give_up()
        if request.height != self.height.height + 1:
            raise Unanswerable(f"block {request.height} comes after {self.height.height}")
        state = self.application.state
        before = _powers(state)
        self._judges = validator_set_of(state, self.application.identity)
        outcomes: Sequence[AcceptedTransaction | Rejected] = ()
        if request.transactions:
            outcomes, _ = self.application.execute(
                request.transactions, proposer=_member_of(state, request.proposer),
                certificate=KIND, whole=True, undoable=True,
            )  # fmt: skip
        self._executed = request.height, list(zip(request.transactions, outcomes, strict=True))
        for one in request.misbehaviour:
            self.misbehaved[one.address.hex()] = one.height
        codes = [number_of(one) if isinstance(one, Rejected) else 0 for one in outcomes]
        changed = _changed(before, _powers(state))
        return abci.executed(codes, changed, self.application.application_hash())

    def _commit(self) -> abci.Response:
        if self._executed is None:
            raise Unanswerable("there is no block to commit")
        height, done = self._executed
        size = self.height.size
        if done:
            self.application.commit()
            self.application.sync()
            size = self.application.path.stat().st_size
        root = self.application.application_hash().hex()
        self.height = Height(height, size, root)
        write_height(self._home, self.height)
        self._executed = None
        self._waiting.clear()
        self.decided += done
        self.news += [one for _, one in done if isinstance(one, AcceptedTransaction)]
        if done:
            self.commits.append((self.application.head(), self._judges))
            self.conflicts = self._witness.watch(*map(list, zip(*done, strict=True)))
        return abci.committed()


def _key_of(transaction: bytes) -> bytes:
    try:
        return decode_envelope(transaction).key_id
    except FormatError:
        return b""


def _fitting(transactions: Sequence[bytes], most: int) -> list[bytes]:
    """Return the first transactions, in order, whose bytes and lengths are not too many."""
    found, taken = [], 0
    for one in transactions:
        taken += len(one) + 8
        if taken > most:
            break
        found.append(one)
    return found


def _powers(state: State) -> dict[bytes, int]:
    """Return the validators' powers by consensus key."""
    powers = validator_powers(state)
    return {key: powers[name] for name, key in consensus_keys(state).items()}


def node_ids(state: State) -> dict[str, str]:
    """Return the ids of active members' nodes: CometBFT's name for their consensus keys."""
    return {
        name: consensus_address(record.consensus)
        for name, record in state.records(MEMBERS, MemberRecord)
        if record.active and isinstance(record.consensus, str)
    }


def _changed(before: Mapping[bytes, int], after: Mapping[bytes, int]) -> dict[bytes, int]:
    """Return the powers that a block has changed; 0 ends a validator's. Never does it end all."""
    if not after:
        return {}
    keys = sorted({*before, *after})
    return {key: after.get(key, 0) for key in keys if before.get(key, 0) != after.get(key, 0)}


def _member_of(state: State, proposer: bytes) -> str:
    """Return the member whose consensus key has an address, as the state names it.

    The validators of a block are those of two blocks before: one may have been expelled, or its key
    replaced, since. Then the block names nobody.
    """
    named = proposer.hex()
    for name, record in state.records(MEMBERS, MemberRecord):
        if isinstance(record.consensus, str) and consensus_address(record.consensus) == named:
            return name if record.active and record.power else ""
    return ""
