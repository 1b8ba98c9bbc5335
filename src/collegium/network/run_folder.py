"""From the homes of a consortium to an ordinary run folder: the evidence, and no secret.

The members' copies of the ledger are compared first: every one must say the same, byte for byte.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from collegium.errors import RunError
from collegium.ledger.durability import write_whole
from collegium.ledger.final import write_final
from collegium.ledger.genesis import Genesis
from collegium.ledger.ordering import LEDGER, Joins
from collegium.network.record import home_of
from collegium.node.home import BLOBS, RELEASED
from collegium.release.files import write_bundle


def gather(
    folder: Path, members: Sequence[str], genesis: Genesis, study: str, engine: Joins,
    warn: Callable[[str], None],
) -> None:  # fmt: skip
    """Put ledger.log, `final`, blobs/ and model/ of a consortium into its run folder.

    No node may run.

    Args:
        folder: the run folder; the members' homes lie in it.
        members: their ids; the first one is the owner.
        genesis: the ledger's.
        study: its id.
        engine: by which the members have ordered.
        warn: where warnings go.

    Raises:
        RunError: two members hold different ledgers, or none holds anything final.
    """
    ledgers, notes = {}, []
    for member in members:
        path = folder / f".{member}.{LEDGER}"
        notes.append(engine.export(home_of(folder, member), genesis, path, warn))
        ledgers[member] = path
    _require_equal(ledgers)
    first, *others = ledgers.values()
    first.replace(folder / LEDGER)
    for path in others:
        path.unlink()
    if certificate := engine.merged(notes):
        write_final(folder, certificate)
    for name in engine.evidence:
        homes = (home_of(folder, member) / name for member in members)
        if (found := next((path for path in homes if path.exists()), None)) is not None:
            write_whole(folder / name, found.read_bytes())
    for member in members:
        _take_blobs(home_of(folder, member) / BLOBS, folder / BLOBS)
    released = home_of(folder, members[0]) / RELEASED / study
    if released.is_dir():
        write_bundle(folder / "model", {
            path.name: path.read_bytes() for path in sorted(released.iterdir())
            if not path.name.startswith(".")
        })  # fmt: skip


def _require_equal(ledgers: dict[str, Path]) -> None:
    contents = {member: path.read_bytes() for member, path in ledgers.items()}
    longest = max(contents.values(), key=len)
    for member, content in contents.items():
        if content != longest:
            raise RunError(
                "network.differ", f"{member} holds another ledger than the others",
                f"{len(content)} bytes of it are final, and {len(longest)} of the longest",
                "see node.log in the members' homes",
            )  # fmt: skip


def _take_blobs(source: Path, target: Path) -> None:
    """Copy the blobs that are not there yet."""
    target.mkdir(exist_ok=True)
    for path in source.iterdir() if source.is_dir() else ():
        if path.name.startswith(".") or (target / path.name).exists():
            continue
        partial = target / f".{path.name}"
        shutil.copyfile(path, partial)
        partial.replace(target / path.name)
