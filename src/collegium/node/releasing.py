"""Giving up a block that a stopped node's member has cosigned, where its operators have agreed to.

A sequencer that lies can give each half of the members a block of its own; then neither becomes
final, and no rule could tell which one is safe to leave (docs/decisions/0012). A person decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from collegium.errors import NodeError, RunError
from collegium.ledger.engines.log.cosigned import Cosigned
from collegium.ledger.engines.log.replica import Replica, open_replica
from collegium.node.config import read_config
from collegium.node.home import held, read_genesis
from collegium.transport.client import connect

Warn = Callable[[str], None]


def bound_block(home: Path, warn: Warn) -> Cosigned:
    """Return what binds the member of a home whose node is stopped.

    Raises:
        RunError: nothing does.
        CollegiumError: the home is not complete, or its node runs.
    """
    with _stopped(home, warn) as replica:
        return _bound(replica)


def release_block(home: Path, block: str, warn: Warn) -> Cosigned:
    """Give up the block that a home's member has cosigned; return it. The evidence keeps it.

    Args:
        home: the member's, whose node is stopped.
        block: the block's hash, as `bound_block` and the status tell it.
        warn: where warnings go.

    Raises:
        RunError: nothing binds the member, or another block.
        CollegiumError: the home is not complete, or its node runs.
    """
    with _stopped(home, warn) as replica:
        bound = _bound(replica)
        if bound.block != block:
            raise RunError(
                "cosigned.other", "this member has cosigned another block",
                f"it is {bound.block}, of {bound.size} entries",
                "compare what `collegium node status` says of every member",
            )  # fmt: skip
        replica.release()
        return bound


def _bound(replica: Replica) -> Cosigned:
    if replica.copy.expected is not None:
        raise NodeError(
            "node.copy", "the home's copy of the ledger lacks what was final here",
            "what the member is bound to cannot be told from it",
            "start the node, which fetches it anew, and look again",
        )  # fmt: skip
    bound = replica.witness.bound
    if bound is None:
        raise RunError(
            "cosigned.nothing", "this member is not bound to any block",
            "it has cosigned nothing after what is final here",
            "nothing needs to be given up; start its node",
        )  # fmt: skip
    return bound


@contextmanager
def _stopped(home: Path, warn: Warn) -> Iterator[Replica]:
    """Yield a replica that asks nobody anything and signs nothing."""
    home = home.resolve()
    with held(home):
        config, (genesis, _) = read_config(home), read_genesis(home)
        connection = connect(home, config.sequencer)
        try:
            member = config.node.member
            replica = open_replica(home, genesis, member, lambda _: None, connection, warn)
            try:
                yield replica
            finally:
                replica.close()
        finally:
            connection.close()
