"""A successor's genesis: made of where an old ledger ended, and taken up in a member's home.

A consortium that lost its quorum for good cannot change its members, for that takes the quorum. It
begins another ledger, whose genesis names the last final checkpoint of the old one. Each member
compares that with its own copy before it goes on; architecture 3.2 and docs/spec/3-genesis.md.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from collegium.canonical import from_text, to_text
from collegium.errors import NodeError
from collegium.ledger.durability import sync_names, write_whole
from collegium.ledger.genesis import Genesis, Predecessor, decode_genesis, genesis_digest
from collegium.ledger.keyfile import AskPassphrase
from collegium.ledger.keys import KEY_SIZE
from collegium.ledger.note import Checkpoint
from collegium.ledger.ordering import LEDGER, Ends, Joins
from collegium.ledger.snapshot import snapshot_path
from collegium.node.config import engine_of, read_config
from collegium.node.home import GENESIS, ORDERS, PAST, RELEASED, held, read_genesis, read_keys

log = logging.getLogger(__name__)


def end_of(home: Path) -> Predecessor:
    """Return where the ledger of a member's home ends: its newest final checkpoint.

    Raises:
        CollegiumError: a node runs there, its files do not hold, or nothing is final in them.
    """
    with held(home):
        genesis, digest = read_genesis(home)
        end = engine_of(read_config(home)).ends(home, genesis, log.warning).final
        if end is None:
            raise _refused(f"nothing is final in {home}", "its ledger has no end to name")
        return _named(digest, end)


def succeed(home: Path, path: Path, ask: AskPassphrase) -> Predecessor:
    """Let a member's home go on under a successor's genesis; return what that succeeds.

    The old ledger goes to ``past/``, and with it what was released and ordered under it: a study or
    a proposal of the same id may follow. Keys, outbox, blobs and settings stay; what the outbox
    holds names its ledger. What was interrupted is completed by the same command.

    Args:
        home: the member's.
        path: the successor's genesis.json.
        ask: asks for the passphrase of its keys, where they have one.

    Raises:
        CollegiumError: a node runs there, or the genesis is not one that this member may follow.
    """
    with held(home):
        data = path.read_bytes()
        new = decode_genesis(data)
        if isinstance(new.succeeds, msgspec.UnsetType):
            raise _refused(f"{path} succeeds no ledger", "its genesis has no `succeeds`")
        _require_member(home, new, ask)
        old, digest = read_genesis(home)
        engine = engine_of(read_config(home))
        if digest != genesis_digest(data):
            _require_end(engine.ends(home, old, log.warning), digest, new.succeeds)
            _keep_past(home, digest, engine.files)
            write_whole(home / GENESIS, data)
        if (home / PAST / from_text(new.succeeds.genesis, 32).hex() / GENESIS).exists():
            _begin(home, new.succeeds, engine)
        return new.succeeds


def _named(digest: bytes, end: Checkpoint) -> Predecessor:
    return Predecessor(
        block=to_text(end.extension), genesis=to_text(digest), root=to_text(end.root),
        size=end.size,
    )  # fmt: skip


def _require_member(home: Path, new: Genesis, ask: AskPassphrase) -> None:
    member = read_config(home).node.member
    keys = read_keys(home, ask)
    for one in new.members:
        if one.id == member and keys.of(from_text(one.key, KEY_SIZE)) is not None:
            return
    raise _refused(
        f"{member} is no member of the successor", "it is not listed with a key of this home"
    )


def _require_end(ends: Ends, digest: bytes, named: Predecessor) -> None:
    """Refuse a successor that leaves out what is final here, or goes on from something else."""
    if from_text(named.genesis, 32) != digest:
        raise _refused(
            "it succeeds another ledger than this home's",
            f"it names {from_text(named.genesis, 32).hex()}, and here is {digest.hex()}",
        )
    final, held_here = 0 if ends.final is None else ends.final.size, ends.held.size
    if final > named.size:
        raise _refused(
            "it leaves out what is final",
            f"{final} entries are final here, and it goes on after {named.size}",
        )
    if held_here < named.size:
        raise _refused(
            "this home cannot tell whether the successor goes on from its ledger",
            f"it holds {held_here} entries of {named.size}; bring the ledger's files of a "
            "member that has them all",
        )
    end = ends.final if ends.final is not None and final == named.size else ends.held
    if _named(digest, end) != named:
        raise _refused(
            "it goes on from another history than this home's",
            f"after {named.size} entries the two are not the same",
        )


def _keep_past(home: Path, digest: bytes, files: Sequence[str]) -> None:
    past = home / PAST / digest.hex()
    past.mkdir(parents=True, exist_ok=True)
    for name in (*files, GENESIS):
        source, target = home / name, past / name
        if source.exists() and not target.exists():
            os.link(source, target)
    for name in (RELEASED, ORDERS):
        if (home / name).exists() and not (past / name).exists():
            (home / name).rename(past / name)
    sync_names(past)
    sync_names(home)


def _begin(home: Path, old: Predecessor, engine: Joins) -> None:
    """Take away what is the old ledger's, as far as that is not done."""
    past = home / PAST / from_text(old.genesis, 32).hex()
    ledger = home / LEDGER
    if ledger.exists() and ledger.samefile(past / LEDGER):
        whole = all((past / name).exists() for name in engine.files)
        for name in engine.files:
            if name != LEDGER:
                (home / name).unlink(missing_ok=True)
        snapshot_path(ledger).unlink(missing_ok=True)
        if whole:  # a home from a backup may have lived under the successor before
            engine.begin(home)
        ledger.unlink()
        sync_names(home)


def _refused(what: str, why: str) -> NodeError:
    return NodeError(
        "home.successor", what, why, "agree with the other members on the checkpoint to go on from"
    )
