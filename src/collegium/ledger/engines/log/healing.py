"""A home whose ledger.log is damaged, or ends with a block that another has been preferred to."""

from __future__ import annotations

import shutil
from pathlib import Path

from collegium.errors import FormatError
from collegium.ledger.durability import sync_names
from collegium.ledger.engines.log.copy import Copy, open_copy
from collegium.ledger.final import read_final, write_final
from collegium.ledger.frames import GENESIS, encode_frame, hash_prefix
from collegium.ledger.genesis import encode_genesis
from collegium.ledger.ordering import LEDGER
from collegium.ledger.snapshot import snapshot_path

TRIAL = "trial"


def is_sound(copy: Copy) -> bool:
    """Return whether the file still holds, byte for byte, what was replayed or written."""
    ledger = copy.ledger
    data = (copy.home / LEDGER).read_bytes()
    genesis = encode_frame(GENESIS, encode_genesis(ledger.genesis))
    try:
        frontier, block = hash_prefix(data, ledger.identity)
    except FormatError:
        return False
    if block is None:
        return data == genesis and not ledger.frontier.size
    found = (data[: len(genesis)], frontier.size, frontier.peaks, block.digest())
    return found == (genesis, ledger.frontier.size, ledger.frontier.peaks, ledger.last_block)


def put_aside(home: Path, evidence: Path) -> Path:
    """Move a damaged ledger.log away, so that a new one can be fetched; return where it is.

    The final note stays: the new one must lead to it.
    """
    evidence.mkdir(parents=True, exist_ok=True)
    number = 1
    while (target := evidence / f"damaged-{number}.log").exists():
        number += 1
    (home / LEDGER).replace(target)
    snapshot_path(home / LEDGER).unlink(missing_ok=True)
    sync_names(home)
    return target


def begin_trial(copy: Copy) -> Copy:
    """Return a copy of what is final, in a folder of its own, to see where other blocks lead."""
    home = copy.home / TRIAL
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    genesis = encode_frame(GENESIS, encode_genesis(copy.ledger.genesis))
    (home / LEDGER).write_bytes(genesis + copy.read(0, copy.final_size, most=None))
    if copy.final_note is not None:
        write_final(home, copy.final_note)
    trial = open_copy(home, copy.ledger.genesis, lambda _: None)
    trial.expected, trial.told = copy.expected, copy.told
    return trial


def take_over(copy: Copy, trial: Path) -> None:
    """Put what a trial's folder holds in the place of a copy; everything in it is final."""
    note = read_final(trial)
    (trial / LEDGER).replace(copy.home / LEDGER)
    if note is not None:
        write_final(copy.home, note)
    snapshot_path(copy.home / LEDGER).unlink(missing_ok=True)
    sync_names(copy.home)
    copy.reopen()
    shutil.rmtree(trial, ignore_errors=True)
