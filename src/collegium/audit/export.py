"""The log of a folder as static files, for monitors: tiles, bundles of entries, checkpoint."""

from __future__ import annotations

from pathlib import Path

from collegium.audit.log import newest_checkpoint, read_log
from collegium.errors import RunError
from collegium.ledger.note import Checkpoint
from collegium.ledger.tiles import entry_bundle, tile, tiles_of


def export_tiles(folder: Path, out: Path) -> tuple[Checkpoint, int]:
    """Write what C2SP tlog-tiles serves of a log below a new folder.

    Args:
        folder: a run folder or a member's home.
        out: a folder that is not there or empty; any web server can hand it out.

    Returns:
        The checkpoint under which it was written, and the number of tiles and bundles.

    Raises:
        RunError: there is no such log, it has no checkpoint, or `out` is not empty.
        FormatError: the log does not hold, or an entry is too long for the format.
    """
    log = read_log(folder)
    note, checkpoint = newest_checkpoint(log)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RunError(
            "output.exists", f"{out} is there already", "nothing is ever overwritten",
            "choose another --out",
        )  # fmt: skip
    count = 0
    for count, place in enumerate(tiles_of(checkpoint.size), start=1):  # noqa: B007
        if place.level is None:
            data = entry_bundle(log.entries, place.index, place.width)
        else:
            data = tile(log.hashes, place.level, place.index, place.width)
        path = out / place.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    out.mkdir(parents=True, exist_ok=True)
    (out / "checkpoint").write_text(note, encoding="utf-8")
    return checkpoint, count
