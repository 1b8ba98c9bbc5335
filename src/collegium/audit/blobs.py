"""The blobs of a run folder: every file hashed, and whatever else lies there noted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

from collegium.audit.findings import Finding
from collegium.audit.studies import StudyHistory
from collegium.audit.subjects import AboutFile, Value
from collegium.canonical import from_text, to_text
from collegium.errors import reason_of
from collegium.ledger.blobs import read_blob
from collegium.ledger.contract.declared import opens_one_key
from collegium.ledger.contract.results import ModelResult, SumResult
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.retirement import is_update
from collegium.visible import visible

Fetch = Callable[[str], bytes | None]
"""Returns the blob that the ledger names so (base64url), or None."""


def read_blobs(folder: Path) -> tuple[set[str], list[Finding]]:
    """Hash every file of a blob folder; return the sound ones' names, and what is wrong.

    A blob is a regular file: a link stands for bytes that lie elsewhere and may change.
    """
    sound: set[str] = set()
    findings = []
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        why = reason_of(error)
        return sound, [Finding("blob.folder", "error", AboutFile("blobs/"), {"why": why})]
    for path in paths:
        where = AboutFile(f"blobs/{visible(path.name)}")
        try:
            if path.is_symlink() or not path.is_file():
                findings.append(Finding("blob.no-file", "note", where))
                continue
            name = sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            why = reason_of(error)
            findings.append(Finding("blob.unreadable", "error", where, {"why": why}))
            continue
        if name == path.name:
            sound.add(name)
        elif path.name.startswith("."):
            findings.append(Finding("blob.hidden", "note", where))
        else:
            findings.append(Finding("blob.altered", "error", where))
    return sound, findings


def unnamed_blobs(folder: Path, blobs: set[str], retired: frozenset[bytes]) -> Iterator[Finding]:
    """Note updates that were retired and are still here."""
    here = (read_blob(folder, name) for name in retired if name.hex() in blobs)
    count = sum(data is not None and is_update(data) for data in here)
    if count:
        yield Finding("blob.retired", "note", AboutFile("blobs/"), {"count": count})


def unnamed_files(blobs: set[str], study_histories: dict[str, StudyHistory]) -> Iterator[Finding]:
    """Note the blobs that no study of the ledger names."""
    named: set[str] = set()
    for study_history in study_histories.values():
        named |= {study_history.registration.document, study_history.registration.model}
        if study_history.begun is not None:
            named |= {study_history.begun.model}
        for step in study_history.steps.values():
            named |= {post.digest for post in step.posts.values()}
            said = (vote.agreement for vote in step.votes.values())
            named |= {name for name in said if isinstance(name, str)}
        for attempt in study_history.every_attempt:
            named |= {reveal.digest for reveal in attempt.reveals.values()}
            posted = attempt.shares if opens_one_key(attempt.opened.design) else {}
            named |= {to_text(one) for one in (*attempt.deals.values(), *posted.values())}
            sealed = (reveal.sealed for reveal in attempt.reveals.values())
            named |= {name for name in sealed if isinstance(name, str)}
            made = attempt.votes.values()
            named |= {one.model for one in made if isinstance(one, ModelResult)}
            named |= {one.total for one in made if isinstance(one, SumResult)}
        for post in study_history.statements.values():
            named |= {name for name in (post.federated, post.local) if isinstance(name, str)}
    unnamed = sorted(blobs - {from_text(name, DIGEST_SIZE).hex() for name in named})
    if unnamed:
        told: dict[str, Value] = {"count": len(unnamed), "names": tuple(unnamed[:3])}
        yield Finding("blob.stray", "note", AboutFile("blobs/"), told)
