"""What shows that a history is final: the certificates that its blocks name.

The one kind of our own, ``cosigned``, is the note in the file ``final``: does it fit, and do enough
validators stand behind it? Another engine brings its own (plugin kind ``certificates``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from collegium.audit.findings import Finding, of_error
from collegium.audit.history import History
from collegium.audit.membership import backing, members_after
from collegium.audit.policy import NONE
from collegium.audit.subjects import AboutFile, AboutLedger, Value
from collegium.audit.trust import TrustRoot
from collegium.canonical import malformed
from collegium.errors import CollegiumError, FormatError, reason_of
from collegium.ledger.final import NAME, read_final
from collegium.ledger.genesis import log_key_of
from collegium.ledger.note import open_checkpoint, origin_of
from collegium.plugins import find


@dataclass(frozen=True, slots=True)
class Beside:
    """What lay beside a ledger before it was read.

    Attributes:
        final: the note in the file of that name, None where there is none, or what is wrong.
        commit: the bytes of the file `commit`, likewise.
    """

    final: str | FormatError | None
    commit: bytes | FormatError | None


def read_beside(folder: Path) -> Beside:
    """Return what lies beside a ledger.

    Of a node that runs it is read before the ledger: blocks are written before they are final.
    """
    final: str | FormatError | None
    commit: bytes | FormatError | None
    try:
        final = read_final(folder)
    except FormatError as error:
        final = error
    try:
        with (folder / COMMIT).open("rb") as file:
            commit = file.read(LARGEST_COMMIT + 1)
    except FileNotFoundError:
        commit = None
    except (OSError, ValueError) as error:
        commit = malformed(f"the file {COMMIT}", reason_of(error))
    return Beside(final, commit)


Certifies = Callable[[Path, Beside, History, TrustRoot], "int | None"]
"""Returns how many entries a certificate shows to be final; notes in the history what is wrong.

It is given the folder, what was read beside the ledger, the history, and what was known beforehand.
"""

COMMIT = "commit"
"""The file of engines whose validators vote on headers."""

LARGEST_COMMIT = 2**20

COSIGNED = "cosigned"


def certified_size(folder: Path, beside: Beside, history: History, trust: TrustRoot) -> int | None:
    """Return how many entries the certificates that a history's blocks name show to be final.

    Blocks that name none are looked at as cosigned ones: somebody may have cosigned them.
    """
    sizes = []
    for kind in sorted({kind or COSIGNED for kind in history.certificates} or {COSIGNED}):
        try:
            certifies: Certifies = find("certificates", kind)
        except CollegiumError as error:
            unknown = Finding("certificate.unknown", "error", AboutLedger(), {"why": error.why})
            history.findings.append(unknown)
            continue
        sizes.append(certifies(folder, beside, history, trust))
    return max((size for size in sizes if size is not None), default=None)


def cosigned_size(folder: Path, beside: Beside, history: History, trust: TrustRoot) -> int | None:
    """Return how many entries a quorum cosigned, or None; note in the history what is wrong.

    The quorum is the policy's where it has one, else more than two thirds of the power as it was
    before the last of those blocks: no block judges itself.
    """
    genesis, policy, note = history.genesis, trust.cosigning, beside.final
    if genesis is None:
        return None
    origin, key = origin_of(history.identity), log_key_of(genesis)
    try:
        if isinstance(note, FormatError):
            raise note
        if note is None:
            _demand(history, trust, {"case": "absent"})
            return None
        if key is None:
            raise malformed("a checkpoint", "the ledger has no log key that could have signed it")
        checkpoint = open_checkpoint(note, origin, key)
        if history.roots.get(checkpoint.size) != checkpoint.root:
            over: dict[str, Value] = {"size": checkpoint.size}
            history.findings.append(Finding("final.mismatch", "error", AboutFile(NAME), over))
            return None
        before = max((size for size in history.roots if size < checkpoint.size), default=0)
        events = [event for one in history.said if one.index < before for event in one.events]
        found = backing(note, origin, members_after(genesis, events))
        if found.quorum if policy is None else policy.satisfied_by(policy.cosigners(note)):
            return None if policy is not None and policy.quorum == NONE else checkpoint.size
        _demand(history, trust, {"case": "few", "power": found.power, "total": found.total})
    except FormatError as error:
        history.findings.append(Finding("final.invalid", "error", AboutFile(NAME), of_error(error)))
    return None


def _demand(history: History, trust: TrustRoot, found: dict[str, Value]) -> None:
    """Note a missing quorum where the policy asks for one."""
    if trust.cosigning is not None and trust.cosigning.quorum != NONE:
        history.findings.append(Finding("final.quorum", "error", AboutFile(NAME), found))
