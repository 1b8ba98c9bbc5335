"""A small finished run that its members cosigned, as a consortium's engine would leave it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.ledger.small_run import key_of, small_run

from collegium.audit.issue import issue_policy, issue_receipt
from collegium.audit.log import read_log
from collegium.ledger.cosignature import cosign, cosigner_name
from collegium.ledger.final import write_final
from collegium.ledger.keys import SigningKey
from collegium.ledger.merkle import tree_root
from collegium.ledger.note import Checkpoint, open_checkpoint, sign_checkpoint

KEYS = {"ada": key_of("ada"), "bo": key_of("bo"), "cy": key_of("cy, later")}
"""The members' keys at the end: cy's changed on the way. Powers: ada 1, bo 1, cy 2."""

TIME = 1_760_000_000


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A run folder whose `final` ada and cy cosigned: a quorum, and no less than one."""

    folder: Path
    note: str
    policy: bytes

    def receipt(self, wanted: str = "3") -> bytes:
        """A receipt of an entry under the newest final note."""
        return issue_receipt(self.folder, wanted).text.encode()


def build_cosigned(folder: Path) -> Cosigned:
    """Make the run in a folder that is not there yet."""
    run = small_run(folder)
    run.ledger.close()
    note = sealed(folder) + lines(sealed(folder), "ada", "cy")
    write_final(folder, note)
    return Cosigned(folder, note, issue_policy(folder, log_only=False).encode())


def sealed(folder: Path) -> str:
    """The checkpoint at the end of ledger.log."""
    note = read_log(folder).note or ""
    return note.partition("\n\n")[0] + "\n\n" + note.partition("\n\n")[2].split("\n")[0] + "\n"


def lines(note: str, *who: str, keys: dict[str, SigningKey] = KEYS) -> str:
    """Cosignature lines under a note, one second apart."""
    origin = note.partition("\n")[0]
    checkpoint = open_checkpoint(note, origin, key_of("*log").public)
    return "".join(
        cosign(checkpoint, cosigner_name(origin, name), keys[name], TIME + number)
        for number, name in enumerate(who)
    )


def shorter(folder: Path, size: int, root: bytes | None = None) -> str:
    """A checkpoint by the log over fewer entries, or over others."""
    log = read_log(folder)
    checkpoint = Checkpoint(log.origin, size, root or tree_root(log.hashes[:size]), bytes(32))
    return sign_checkpoint(checkpoint, key_of("*log"))
