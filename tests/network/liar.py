"""A sequencer that lies, as a process: the real port, the real log key, and another answer.

``python -m tests.network.liar HOME LIE SIZE [VICTIM …]`` is an honest sequencer until so many
entries are final. Then it tells its victims, everybody if none is named, one of these:

============  ==================================================================================
equivocate    the next block without its last transaction: valid, signed, and another one
reorder       the next block that this makes another one, with its transactions in another order
drop          a history in which the first of several acknowledged transactions never was
replay        the next block, with a transaction that is in the log already once more
forget        the truth, without a transaction of a victim that it had acknowledged
withhold      nothing
silence       "waiting", to whatever a victim signed, whoever hands it over; promises nothing
unmask        "waiting", to what opens the first sum and then to the victim's keys
============  ==================================================================================

It is a test's: nothing of it is in the package.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import mkdtemp

from aiohttp import web
from tests.ledger.engines.log.lies import honest
from tests.network.perturbing import on_record
from tests.threats.unmasking import Unmasker

import collegium
from collegium.canonical import from_text
from collegium.ledger.engines.log.connection import NotInTheLog
from collegium.ledger.engines.log.delivery import Promised, decode_delivery, encode_delivery
from collegium.ledger.engines.log.inclusion_promise import InclusionPromise, sign_inclusion_promise
from collegium.ledger.engines.log.log_copy import LogCopy, open_log_copy
from collegium.ledger.engines.log.sequencer import Sequencer
from collegium.ledger.envelope import decode_envelope
from collegium.ledger.frames import (
    BLOCK,
    ENTRY,
    GENESIS,
    Block,
    application_hash,
    encode_entry,
    encode_frame,
    entry_hash,
    hash_prefix,
)
from collegium.ledger.genesis import encode_genesis
from collegium.ledger.keys import KEY_SIZE, SigningKey, key_id
from collegium.ledger.note import Checkpoint, origin_of, sign_checkpoint
from collegium.ledger.ordering import Answer, NotYet, Ordered
from collegium.network.processes import start
from collegium.transport.authority import server_context
from collegium.transport.home import BLOBS, TLS, read_ledger_identity, read_log_key, read_settings
from collegium.transport.log_engine import SEQUENCER
from collegium.transport.monitoring import MonitoredLog
from collegium.transport.notifier import Notifier
from collegium.transport.relay import Relay
from collegium.transport.server import application
from collegium.transport.service import Service

ROOT = Path(__file__).parents[2]

KEPT = "kept.json"
"""Where a liar that unmasks keeps what opens the first sum, by member."""


def put_liar(folder: Path, lie: str, *more: str) -> None:
    """Start a liar in the place of a trial's sequencer; `more` are its size and its victims."""
    home, package = folder / SEQUENCER, Path(collegium.__file__).parents[1]
    command = ["/usr/bin/env", f"PYTHONPATH={package}:{ROOT}", sys.executable, "-m"]
    command += ["tests.network.liar", str(home), lie, *more]
    on_record(folder, start(SEQUENCER, command, home / "output.log"))


Entries = list[tuple[bytes, bytes]]
Forge = Callable[["Forger", int, bytes], bytes | None]
"""Returns what is told instead of a true delivery of one block after a size, or None: the truth."""


class Forger:
    """Makes blocks that the log's key signs after any size of a true history."""

    def __init__(self, copy: LogCopy, key: SigningKey) -> None:
        self.copy, self._key = copy, key

    def signed(self, size: int, entries: Entries, state_root: bytes) -> bytes:
        """Return a delivery of entries after a size; all hashes are right, the rest is a claim."""
        genesis = encode_frame(GENESIS, encode_genesis(self.copy.ledger.genesis))
        before = genesis + self.copy.read(0, size, most=None)
        frontier, last = hash_prefix(before, self.copy.ledger.identity)
        previous = self.copy.ledger.identity if last is None else last.digest()
        frames = b""
        for envelope, events in entries:
            entry = encode_entry(envelope, events)
            frontier.append(entry_hash(entry))
            frames += encode_frame(ENTRY, entry)
        app = application_hash(state_root, frontier.size, frontier.root())
        block = Block(previous, size, len(entries), state_root, app)
        origin = origin_of(self.copy.ledger.identity)
        head = Checkpoint(origin, frontier.size, frontier.root(), block.digest())
        return encode_delivery(
            frames + encode_frame(BLOCK, block.body()), sign_checkpoint(head, self._key)
        )

    def promised(self, envelope: bytes) -> Ordered:
        """Return the answer that a transaction is the next entry, which it will not be."""
        identity, index = self.copy.ledger.identity, self.copy.size
        promise = InclusionPromise(identity, index, decode_envelope(envelope).transaction_id)
        return Ordered(index, sign_inclusion_promise(promise, self._key))

    def valid(self, size: int, envelopes: Sequence[bytes]) -> bytes | None:
        """Return a delivery of transactions after a size as the contract makes it."""
        home = Path(mkdtemp(dir=self.copy.home))
        try:
            genesis = encode_frame(GENESIS, encode_genesis(self.copy.ledger.genesis))
            (home / "ledger.log").write_bytes(genesis + self.copy.read(0, size, most=None))
            other = open_log_copy(home, self.copy.ledger.genesis, lambda _: None)
            try:
                other.append(envelopes)
                if other.size == size:
                    return None
                note = other.ledger.checkpoint(self._key)
                return encode_delivery(other.read(size, other.size, most=None), note)
            finally:
                other.close()
        finally:
            shutil.rmtree(home)


def equivocate(forger: Forger, size: int, true: bytes) -> bytes | None:
    entries = honest(true).entries
    return forger.valid(size, [one for one, _ in entries[:-1]]) if len(entries) > 1 else None


def reorder(forger: Forger, size: int, true: bytes) -> bytes | None:
    entries = honest(true).entries
    other = forger.valid(size, [one for one, _ in reversed(entries)])
    return None if other == true else other


def replay(forger: Forger, size: int, true: bytes) -> bytes | None:
    block = honest(true)
    _, first, *_ = forger.copy.index.sizes(size)
    old = honest(encode_delivery(forger.copy.read(0, first), None))
    return forger.signed(size, [*block.entries, old.entries[0]], block.header.state_root)


NEXT_BLOCK: dict[str, Forge] = {"equivocate": equivocate, "reorder": reorder, "replay": replay}


class LyingService(Service):
    """Answers as a sequencer does, until it lies."""

    def __init__(
        self, sequencer: Sequencer, bell: Notifier, forger: Forger, lie: str, size: int,
        victims: frozenset[str],
    ) -> None:  # fmt: skip
        super().__init__(sequencer, bell)
        self._forger, self._lie, self._size, self._victims = forger, lie, size, victims
        self._told: dict[int, bytes] = {}  # what was told instead of the block after a size
        self._deceived: set[str] = set()
        self._forgotten: tuple[bytes, Ordered] | None = None  # and what was promised instead
        self._dropped: tuple[int, bytes] | None = None
        self._unmasker = Unmasker(min(victims, default=""), 1)
        members = forger.copy.ledger.genesis.members
        self._keys = {key_id(from_text(one.key, KEY_SIZE)) for one in members if one.id in victims}

    def _lies_to(self, member: str) -> bool:
        begun = self._forger.copy.final_size >= self._size
        return begun and (not self._victims or member in self._victims)

    async def submit(self, member: str, envelopes: Sequence[bytes]) -> list[Answer]:
        """Take no transactions of a history that it denies."""
        if self._dropped is not None:
            await asyncio.sleep(1)
        if self._lie == "unmask":
            return await self._withholding(
                member, envelopes, {one for one in envelopes if self._keeps(member, one)}
            )
        if self._silences:
            kept = {one for one in envelopes if decode_envelope(one).key_id in self._keys}
            return await self._withholding(member, envelopes, kept)
        if self._lie == "forget" and self._lies_to(member):
            (forgotten, *rest), copy = envelopes, self._forger.copy
            if self._forgotten is None:
                promised = await self.read(lambda _: self._forger.promised(forgotten))
                self._forgotten = forgotten, promised
                print("forgot a transaction", flush=True)
            if forgotten == self._forgotten[0] and copy.size <= self._forgotten[1].index:
                # Said again too early, it would get the place that it was promised.
                answers = await super().submit(member, rest) if rest else []
                return [self._forgotten[1], *answers]
        return await super().submit(member, envelopes)

    @property
    def _silences(self) -> bool:
        return self._lie == "silence" and self._forger.copy.final_size >= self._size

    async def demand(self, member: str, demanded: Sequence[Promised]) -> list[Promised]:
        """Promise nothing of what is kept back."""
        return [] if self._silences else await super().demand(member, demanded)

    def _keeps(self, member: str, envelope: bytes) -> bool:
        keeps = self._unmasker.withholds(member, envelope)
        shares = {name: data.hex() for name, data in self._unmasker.kept.items()}
        (self._forger.copy.home / KEPT).write_text(json.dumps(shares))
        return keeps

    async def _withholding(
        self, member: str, envelopes: Sequence[bytes], kept: set[bytes]
    ) -> list[Answer]:
        others = [one for one in envelopes if one not in kept]
        answers = iter(await super().submit(member, others) if others else [])
        waiting = NotYet("waiting", "a block before it is not final yet")
        return [waiting if one in kept else next(answers) for one in envelopes]

    async def blocks(self, member: str, size: int, wait: float) -> bytes | None:
        """Tell the truth or the lie."""
        if self._lies_to(member):
            if self._lie == "withhold":
                await asyncio.sleep(wait)
                return None
            if self._lie == "drop":
                return await self.read(lambda _: self._denied(size))
        true = await super().blocks(member, size, wait)
        if true is None or not self._lies_to(member) or self._lie not in NEXT_BLOCK:
            return true
        delivery = decode_delivery(true)
        if len(delivery.blocks) != 1 or delivery.note is None:
            return true
        if self._lie != "replay" and member in self._deceived:
            return true  # a liar that went on would only be noticed more often
        if size not in self._told:
            forge, told = NEXT_BLOCK[self._lie], true
            forged = await self.read(lambda _: forge(self._forger, size, told))
            if forged is None:
                return true
            self._told[size] = forged
            print(f"lied to {member} about what follows {size}", flush=True)
        self._deceived.add(member)
        return self._told[size]

    async def final(self, member: str, size: int, wait: float) -> str | None:
        """Tell nothing to those from whom it withholds."""
        if self._lies_to(member) and self._lie == "withhold":
            await asyncio.sleep(wait)
            return None
        return await super().final(member, size, wait)

    def _denied(self, size: int) -> bytes | None:
        """Return what follows a size in a history without a transaction that was acknowledged."""
        copy = self._forger.copy
        if self._dropped is None:
            sizes = copy.index.sizes(copy.final_size)
            for first, end in reversed(list(pairwise(sizes))):
                if end - first > 1:
                    block = honest(encode_delivery(copy.read(first, end), None))
                    forged = self._forger.signed(first, block.entries[1:], block.header.state_root)
                    self._dropped = first, forged
                    print(f"dropped entry {first}", flush=True)
                    break
        assert self._dropped is not None
        first, forged = self._dropped
        if size > first:
            raise NotInTheLog
        if size == first:
            return forged
        delivery = decode_delivery(forged)
        return encode_delivery(copy.read(size, first) + delivery.blocks[0], delivery.note)


async def serve(home: Path, lie: str, size: int, victims: frozenset[str]) -> None:
    """Listen until killed."""
    settings, genesis, tls = read_settings(home), read_ledger_identity(home), home / TLS
    key = read_log_key(home, genesis, lambda: None)
    copy, bell = open_log_copy(home, genesis, print), Notifier()
    sequencer = Sequencer(copy, key, bell.ring, lambda *_, **__: None)
    service = LyingService(sequencer, bell, Forger(copy, key), lie, size, victims)
    app = application(service, Relay(home / BLOBS), MonitoredLog(copy))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    context = server_context(tls / "server.pem", tls / "server.key", tls / "ca.pem")
    listen = settings.listen
    await web.TCPSite(runner, listen.host, listen.port, ssl_context=context).start()
    print("listening", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), frozenset(sys.argv[4:])))
