"""Execute, order, validate: transactions are endorsed before they are ordered, and checked after.

Androulaki et al., "Hyperledger Fabric: A Distributed Operating System for Permissioned
Blockchains", EuroSys 2018, section 3: a peer at which a transaction enters has it executed and
signed by others, as many as the endorsement policy asks for; PBFT orders what is endorsed; and each
peer validates what is ordered. Orderers do not look at endorsements. So what lacks them stays in
its block, is marked, and counts for nothing: the block that is decided is without it, and whoever
holds the endorsed transaction has it ordered again.

Endorsements are over digests here, and there is no state in which two transactions could conflict.
The policy is f + 1 others than the peer itself, so that an honest one has executed it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from msgspec.structs import replace

from collegium.consensus.chain import Chain
from collegium.consensus.machine import (
    DIGEST_SIZE,
    Block,
    Certificate,
    Effects,
    Item,
    Message,
    Setting,
    Stored,
)
from collegium.consensus.pool import ITEMS, Pool
from collegium.consensus.protocols.pbft import PBFT, Replica, Term

PROPOSAL, ENDORSEMENT = "proposal", "endorsement"
"""The kinds of the request for endorsements and of the answer, and the former's timer."""

LONGEST = 6
"""How often the time until endorsements are asked for again is doubled at most."""


class Peer:
    """One peer, with a PBFT replica that orders; it satisfies `Machine`."""

    def __init__(self, setting: Setting, stored: Stored) -> None:
        self._setting = setting
        self._policy = min((setting.count - 1) // 3 + 1, setting.count - 1)
        self._pool, chain = Pool(setting), Chain(setting, stored)
        # Endorsed transactions that are not validly ordered, and those that are being endorsed.
        self._endorsed: dict[bytes, Item] = {}
        self._asked: dict[bytes, tuple[Item, set[int]]] = {}
        self._tries = 0
        for block in chain.blocks:
            self._pool.ordered(block.items)
            self._pool.void(self._marked(block))
        term = Term(tuple(range(setting.count)), 0, 1 << 62, 0, self._pool, chain)
        self._replica = Replica(setting, stored, term)

    def start(self) -> Effects:
        """Go on where the replica was."""
        return self._validated(self._replica.start())

    def propose(self, items: Sequence[Item]) -> Effects:
        """Have transactions endorsed; they are ordered then."""
        effects = Effects()
        new = [one for one in items if not self._is_known(one) and one.digest not in self._asked]
        if not new:
            return effects
        self._asked.update((one.digest, (one, set())) for one in new)
        me, count = self._setting.me, self._setting.count
        for distance in range(1, self._policy + 1):
            self._ask((me + distance) % count, new, effects)
        if len(self._asked) == len(new):
            self._tries = 0
            effects.after(PROPOSAL, self._setting.timeout)
        if not self._policy:
            self._submit([one.digest for one in new], effects)
        return effects

    def timer(self, name: str) -> Effects:
        """Ask for endorsements again, and all; or do as the replica does."""
        if name != PROPOSAL:
            return self._validated(self._replica.timer(name))
        effects = Effects()
        if self._asked:
            for other in range(self._setting.count):
                lacking = [one for one, signers in self._asked.values() if other not in signers]
                if other != self._setting.me and lacking:
                    self._ask(other, lacking, effects)
            self._tries += 1
            effects.after(PROPOSAL, self._setting.timeout << min(self._tries, LONGEST))
        return effects

    def receive(self, sender: int, message: Message) -> Effects:
        """Endorse, hear an endorsement, or do as the replica does."""
        effects = Effects()
        if message.kind == PROPOSAL:
            for one in message.body:
                effects.send(sender, Message(ENDORSEMENT, block=one.digest))
        elif message.kind == ENDORSEMENT:
            self._heard_endorsement(sender, message.block, effects)
        elif message.kind == ITEMS:
            new = [one for one in message.body if not self._is_known(one)]
            effects.computes += sum(len(one.shown.signers) for one in new if one.shown)
            sound = tuple(one for one in new if self._is_endorsed(one))
            if sound:
                self._endorsed.update((one.digest, one) for one in sound)
                effects.include(self._replica.receive(sender, replace(message, body=sound)))
        else:
            effects = self._replica.receive(sender, message)
        return self._validated(effects)

    # Execute.

    def _ask(self, whom: int, items: Sequence[Item], effects: Effects) -> None:
        size = sum(DIGEST_SIZE + one.size for one in items)
        effects.send(whom, Message(PROPOSAL, body=tuple(items), size=size))

    def _heard_endorsement(self, sender: int, digest: bytes, effects: Effects) -> None:
        asked = self._asked.get(digest)
        if asked is None:
            return
        asked[1].add(sender)
        if len(asked[1]) >= self._policy:
            self._submit([digest], effects)

    def _submit(self, digests: Sequence[bytes], effects: Effects) -> None:
        """Have endorsed transactions ordered; their endorsements travel with them."""
        envelopes = []
        for digest in digests:
            item, signers = self._asked.pop(digest)
            shown = Certificate(ENDORSEMENT, 0, 0, digest, tuple(sorted(signers)))
            envelopes.append(Item(digest, item.size + shown.size, shown))
        self._endorsed.update((one.digest, one) for one in envelopes)
        if not self._asked:
            effects.stop(PROPOSAL)
        effects.include(self._replica.propose(envelopes))

    def _is_known(self, item: Item) -> bool:
        return item.digest in self._endorsed or self._pool.is_ordered(item)

    # Validate.

    def _is_endorsed(self, item: Item) -> bool:
        shown = item.shown
        return (
            shown is not None
            and (shown.kind, shown.block) == (ENDORSEMENT, item.digest)
            and len(set(shown.signers)) >= self._policy
        )

    def _marked(self, block: Block) -> tuple[Item, ...]:
        return tuple(one for one in block.items if not self._is_endorsed(one))

    def _validated(self, effects: Effects) -> Effects:
        """Leave out of decided blocks what lacks endorsements, mark it, and order it again."""
        if not effects.decides:
            return effects
        valid: list[Block] = []
        lost: dict[bytes, Item] = {}
        for block in effects.decides:
            effects.computes += self._policy * len(block.items)
            marked = self._marked(block)
            kept = tuple(one for one in block.items if self._is_endorsed(one))
            lost.update((one.digest, one) for one in marked)
            for one in kept:
                lost.pop(one.digest, None)
                self._endorsed.pop(one.digest, None)
                self._asked.pop(one.digest, None)
            if marked:
                effects.write(f"marked {block.height}", tuple(one.digest for one in marked))
            # The digest stays that of the whole block: it says what was ordered.
            valid.append(replace(block, items=kept) if marked else block)
        effects.decides = valid
        if lost:
            self._pool.void(lost.values())
            self._pool.returned(self._endorsed[one] for one in lost if one in self._endorsed)
            effects.include(self._validated(self._replica.propose(())))
        return effects


@dataclass(frozen=True, slots=True)
class ExecuteOrderValidate:
    """The protocol; it satisfies `ConsensusProtocol`."""

    about: str = "transactions are endorsed, ordered by PBFT, validated"
    version: int = 1
    faults: Literal["none", "crash", "byzantine"] = "byzantine"
    bound: str = "f < n/3"
    finality: Literal["immediate", "probabilistic", "economic"] = "immediate"
    views: Literal["lasting", "each height", "none"] = "lasting"
    once: frozenset[str] = PBFT.once
    source: str = "Androulaki et al., EuroSys 2018; Castro and Liskov, OSDI 1999"
    defaults: Mapping[str, int] = field(default_factory=dict)

    def tolerated(self, powers: Sequence[int]) -> int:
        """Return f = floor((n - 1) / 3)."""
        return PBFT.tolerated(powers)

    def machine(self, setting: Setting, stored: Stored) -> Peer:
        """Return a peer."""
        return Peer(setting, stored)


EOV = ExecuteOrderValidate()
