"""What shows that a history is final: the certificates that its blocks name.

The one kind of our own, ``cosigned``, is the note in the file ``final``: does it fit, and do enough
validators stand behind it? Another engine brings its own (plugin kind ``certificates``).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from collegium.audit.findings import Finding, of_error
from collegium.audit.history import History
from collegium.audit.membership import backing, members_after
from collegium.audit.policy import NONE
from collegium.audit.subjects import AboutFile, AboutLedger, Value
from collegium.audit.trust import TrustRoot
from collegium.canonical import malformed
from collegium.errors import CollegiumError, FormatError
from collegium.ledger.final import NAME, read_final
from collegium.ledger.genesis import log_key_of
from collegium.ledger.note import open_checkpoint, origin_of
from collegium.plugins import find


def noted(folder: Path) -> str | FormatError | None:
    """Return the note, None where there is none, or what is wrong with its file.

    Of a node that runs it is read before the ledger: blocks are written before they are final.
    """
    try:
        return read_final(folder)
    except FormatError as error:
        return error


Certifies = Callable[[Path, "str | FormatError | None", History, TrustRoot], "int | None"]
"""Returns how many entries a certificate shows to be final; notes in the history what is wrong.

It is given the folder, what `noted` read in it, the history, and what was known beforehand.
"""

COSIGNED = "cosigned"


def certified_size(
    folder: Path, note: str | FormatError | None, history: History, trust: TrustRoot
) -> int | None:
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
        sizes.append(certifies(folder, note, history, trust))
    return max((size for size in sizes if size is not None), default=None)


def cosigned_size(
    folder: Path, note: str | FormatError | None, history: History, trust: TrustRoot
) -> int | None:
    """Return how many entries a quorum cosigned, or None; note in the history what is wrong.

    The quorum is the policy's where it has one, else more than two thirds of the power as it was
    before the last of those blocks: no block judges itself.
    """
    genesis, policy = history.genesis, trust.cosigning
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
