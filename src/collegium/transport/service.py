"""A sequencer behind questions that may be asked at once: one at a time, and some held open.

The sequencer works in a thread of its own, so that a long answer keeps nobody from being heard.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from collegium.errors import reason_of
from collegium.ledger.engines.log.delivery import MemberPosition, Promised
from collegium.ledger.engines.log.sequencer import Sequencer
from collegium.ledger.equivocation import Conflict
from collegium.ledger.ordering import Answer
from collegium.transport.authority import member_of
from collegium.transport.notifier import Notifier

R = TypeVar("R")

IN_TURN = 4
"""Questions of one member that the sequencer has before it at once."""

NO_MEMBER = ""
"""Whoever reads what monitors may."""

DECIDED_WITHIN = 10.0
"""Seconds for which a submission waits to be decided."""


class Service:
    """What the server asks of the sequencer; every method may be called at once with others.

    Each member has so many questions before the sequencer at once, and whoever is no member one
    together: so nobody's many questions keep another's few waiting.
    """

    def __init__(self, sequencer: Sequencer, notifier: Notifier) -> None:
        self._sequencer = sequencer
        self._notifier = notifier
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sequencer")
        self._turns = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(IN_TURN))
        self._turns[NO_MEMBER] = asyncio.Semaphore(1)

    async def submit(self, member: str, envelopes: Sequence[bytes]) -> list[Answer]:
        """Hand transactions over and wait a while until they are decided."""
        submission = await self._ask(member, partial(self._sequencer.submit, member, envelopes))

        async def decided() -> bool | None:
            return submission.decided or None

        await self._notifier.until(decided, DECIDED_WITHIN)
        return submission.answers()

    async def blocks(self, member: str, size: int, wait: float) -> bytes | None:
        """Return what follows `size` entries, or None after `wait` seconds."""
        question = partial(self._sequencer.blocks, member, size)
        return await self._notifier.until(lambda: self._ask(member, question), wait)

    async def final(self, member: str, size: int, wait: float) -> str | None:
        """Return the newest final note of at least that size, or None after `wait` seconds."""
        question = partial(self._sequencer.final, member, size)
        return await self._notifier.until(lambda: self._ask(member, question), wait)

    async def cosign(self, member: str, line: str, size: int) -> None:
        """Take a cosignature."""
        await self._ask(member, partial(self._sequencer.cosign, member, line, size))

    async def demand(self, member: str, demanded: Sequence[Promised]) -> list[Promised]:
        """Promise transactions their places in the next block."""
        return await self._ask(member, partial(self._sequencer.demand, member, demanded))

    async def conflicts(self, member: str) -> list[Conflict]:
        """Return equivocations that are not on record."""
        return await self._ask(member, partial(self._sequencer.conflicts, member))

    async def present(self, member: str, standing: MemberPosition) -> int | None:
        """Hear what a member holds."""
        return await self._ask(member, partial(self._sequencer.present, member, standing))

    async def restore(self, member: str, size: int, blocks: bytes) -> int | None:
        """Take what is final at a member and missing here."""
        return await self._ask(member, partial(self._sequencer.restore, member, size, blocks))

    async def status(self, member: str) -> dict[str, object]:
        """Return how the sequencer stands."""
        return await self._ask(member, self._sequencer.status)

    async def read(self, question: Callable[[Sequencer], R], member: str = NO_MEMBER) -> R:
        """Return what a question finds between two of the sequencer's steps."""
        return await self._ask(member, partial(question, self._sequencer))

    def member(self, certificate: object) -> str | None:
        """Return the member, before or after the block that is not final, that a certificate names.

        Args:
            certificate: as Python's ssl shows a verified one.
        """
        named = member_of(certificate)
        return named if named in self._sequencer.served else None

    def look(self, seconds: float) -> dict[str, object]:
        """Return how the sequencer stands, for another thread than the server's."""
        return self._thread.submit(self._sequencer.status).result(seconds)

    def close(self) -> None:
        """Wait for the step that goes on, and release the files."""
        self._thread.submit(self._sequencer.close).result()
        self._thread.shutdown()

    async def _ask(self, member: str, question: Callable[[], R]) -> R:
        async with self._turns[member]:
            return await asyncio.get_running_loop().run_in_executor(
                self._thread, self._carried_out, question
            )

    def _carried_out(self, question: Callable[[], R]) -> R:
        """Answer a question; a disk that fails is told as that, and nobody takes it for a lie."""
        try:
            return question()
        except OSError as error:
            raise self._sequencer.disk_fails(reason_of(error)) from error
