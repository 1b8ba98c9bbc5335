"""Opening what a home holds under CometBFT: the ledger as of its `height`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from collegium.errors import CollegiumError
from collegium.ledger.application import Application
from collegium.ledger.durability import sync_names
from collegium.ledger.engines.cometbft.height import NAME as HEIGHT
from collegium.ledger.engines.cometbft.height import Height, read_height, write_height
from collegium.ledger.genesis import Genesis
from collegium.ledger.opening import create_ledger, open_ledger, require_genesis
from collegium.ledger.ordering import LEDGER
from collegium.ledger.snapshot import snapshot_path

DAMAGED = "damaged"
"""The folder for files that were found to be damaged."""


def open_home(
    home: Path, genesis: Genesis, warn: Callable[[str], None]
) -> tuple[Application, Height]:
    """Return the ledger as of the last block that was committed, and that block.

    A ledger that does not hold together is put aside: CometBFT has all blocks, and gives them
    again from the first one on.

    Raises:
        CollegiumError: the file is another ledger's, or cannot be read.
    """
    path, height = home / LEDGER, read_height(home)
    if not path.exists() or height is None:
        return _anew(home, genesis, warn)
    try:
        size = path.stat().st_size
        if size < height.size:
            warn(f"{LEDGER} has {size} bytes of {height.size}")
            return _anew(home, genesis, warn)
        with path.open("r+b") as file:
            file.truncate(height.size)  # a block whose commit was cut off comes again
        ledger = open_ledger(path, warn)
    except CollegiumError as error:
        if error.code not in ("ledger.corrupt", "format.malformed"):
            raise
        warn(f"{LEDGER} is damaged: {error.why}")
        return _anew(home, genesis, warn)
    require_genesis(ledger, genesis)
    if height.height and ledger.application_hash().hex() != height.app_hash:
        ledger.close()
        warn(f"{LEDGER} does not give the application hash of block {height.height}")
        return _anew(home, genesis, warn)
    return ledger, height


def _anew(home: Path, genesis: Genesis, warn: Callable[[str], None]) -> tuple[Application, Height]:
    """Begin the ledger anew; what is there is put aside."""
    path = home / LEDGER
    (home / HEIGHT).unlink(missing_ok=True)
    snapshot_path(path).unlink(missing_ok=True)
    if path.exists():
        aside = put_aside(home)
        warn(f"{LEDGER} is built anew from CometBFT's blocks; the old one is {aside}")
    ledger = create_ledger(path, genesis)
    height = Height(0, path.stat().st_size, "")
    write_height(home, height)
    return ledger, height


def put_aside(home: Path) -> Path:
    """Move a ledger away that is not to be used; return where it is."""
    folder = home / DAMAGED
    folder.mkdir(exist_ok=True)
    number = 1
    while (target := folder / f"ledger-{number}.log").exists():
        number += 1
    (home / LEDGER).replace(target)
    sync_names(home)
    return target
