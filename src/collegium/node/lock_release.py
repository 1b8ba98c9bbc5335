"""Giving up a block that a stopped node's member has vouched for, where its operators have agreed.

Whoever orders and lies can give each half of the members a block of its own; then neither becomes
final, and no rule could tell which one is safe to leave (docs/decisions/0012). A person decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from collegium.errors import NodeError
from collegium.ledger.ordering import Binds, Joining, LockedBlock
from collegium.node.config import engine_of, order_of, read_config
from collegium.node.home import held, read_genesis

Warn = Callable[[str], None]


def locked_block(home: Path, warn: Warn) -> LockedBlock:
    """Return what binds the member of a home whose node is stopped.

    Raises:
        RunError: nothing does.
        CollegiumError: the home is not complete, or its node runs, or its engine binds nobody.
    """
    with _stopped(home, warn) as (engine, joining):
        return engine.bound(joining)


def release_block(home: Path, block: str, warn: Warn) -> LockedBlock:
    """Give up the block that a home's member has vouched for; return it. The evidence keeps it.

    Args:
        home: the member's, whose node is stopped.
        block: the block's hash, as `locked_block` and the status tell it.
        warn: where warnings go.

    Raises:
        RunError: nothing binds the member, or another block.
        CollegiumError: the home is not complete, or its node runs, or its engine binds nobody.
    """
    with _stopped(home, warn) as (engine, joining):
        return engine.release(joining, block)


@contextmanager
def _stopped(home: Path, warn: Warn) -> Iterator[tuple[Binds, Joining]]:
    home = home.resolve()
    with held(home):
        config, (genesis, _) = read_config(home), read_genesis(home)
        engine = engine_of(config)
        if not isinstance(engine, Binds):
            raise NodeError(
                "node.release", f"the engine {config.node.engine!r} binds no member to a block",
                "what is not final yet is settled among the members",
                "nothing needs to be given up; start its node",
            )  # fmt: skip
        order = order_of(config)
        yield engine, Joining(home, genesis, config.node.member, lambda _: None, order, warn)
