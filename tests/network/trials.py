"""Trial consortia of real processes for the tests: started, looked at, and always ended."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

from collegium.assembly.parts import load_dataset
from collegium.data.site_table import PERSON, read_site
from collegium.ledger.keyfile import read_secret
from collegium.network.founding import found
from collegium.network.plan import planned
from collegium.network.record import NetworkRecord, home_of, read_record
from collegium.network.trial import start_all, stop_all
from collegium.node.home import LEDGER_KEY, NODE_SECRET

LONGEST = 300.0
"""Seconds that a trial may take."""

QUICK = ("training.rounds=3", "evaluation.bootstrap=0")
FOR_ALL = (*QUICK, "study.attendance=all")
MEMBERS = ("cleveland", "hungarian", "switzerland", "va")


def quiet(what: str) -> None:
    """Nobody is told."""


def no_progress(closed: int, rounds: int) -> None:
    """Nobody is told."""


@contextmanager
def trial(folder: Path, changes: Sequence[str] = FOR_ALL) -> Iterator[NetworkRecord]:
    """A consortium of four that is founded and not started; at the end it is ended.

    After `LONGEST` it is ended as well, so that a test that waits for ever fails.
    """
    folder.mkdir()
    found(folder, planned("heart", None, changes))
    watchdog = Timer(LONGEST, stop_all, [folder])
    watchdog.daemon = True
    watchdog.start()
    try:
        yield read_record(folder)
    finally:
        watchdog.cancel()
        watchdog.join()
        stop_all(folder)


def started(folder: Path) -> NetworkRecord:
    """Start a trial's processes and wait until they are ready."""
    return start_all(folder, quiet)


def spellings(secret: bytes) -> set[bytes]:
    """The ways in which bytes could be written down."""
    encoded = {base64.b64encode(secret), base64.urlsafe_b64encode(secret)}
    return {secret, secret.hex().encode(), *encoded, *(one.rstrip(b"=") for one in encoded)}


def secrets_of(folder: Path, member: str) -> dict[str, set[bytes]]:
    """Everything of a member that must not leave its home, by what it is, in all spellings."""
    home = home_of(folder, member)
    found: dict[str, set[bytes]] = {}
    for name in (NODE_SECRET, LEDGER_KEY):
        found[name] = spellings(read_secret(home / name, lambda: None))
    pem = (home / "tls" / "client.key").read_bytes().splitlines()
    found["tls key"] = {line for line in pem if not line.startswith(b"--")}
    rows = read_site(home / "rows.csv", load_dataset("uci_heart").schema, member, PERSON)
    table = (home / "rows.csv").read_bytes().splitlines()[1:]
    found["rows as text"] = {line.rpartition(b",")[0] for line in table}
    found["rows as float32"] = {row.tobytes() for row in rows.x if row.any()}
    found["rows as float64"] = {row.astype("<f8").tobytes() for row in rows.x if row.any()}
    return found


def holders(files: Sequence[Path], wanted: dict[str, set[bytes]]) -> list[tuple[str, Path]]:
    """Which files hold which secret."""
    found = []
    for path in files:
        data = path.read_bytes()
        found += [
            (what, path) for what, texts in wanted.items() if any(text in data for text in texts)
        ]
    return found
