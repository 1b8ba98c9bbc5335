"""Whether released files are those that are on record: on the ledger beside them, and their card.

What lies in a folder may have been mixed up or altered since it was released. Nobody should have to
remember to ask.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from collegium.audit.bundle import WEIGHTS, bundle_digest
from collegium.audit.gathering import gather
from collegium.audit.history import read_history
from collegium.canonical import to_text
from collegium.errors import RunError
from collegium.release.files import ReleasedModel

LEDGER = "ledger.log"

_ON_CARD = re.compile(rb"^- Weights: SHA-256 `([0-9a-f]{64})`", re.MULTILINE)


def check_recorded(
    folder: Path, files: Mapping[str, bytes], about: ReleasedModel
) -> tuple[str, ...]:
    """Refuse released files that the ledger beside them, or their card, does not name.

    The ledger is that of the run folder, or of the node's home, in which the files lie. It names no
    model of a site's own; of those, and of a folder that went elsewhere, the card tells alone.

    Returns:
        What could not be checked, in words.

    Raises:
        RunError: ``model.other``.
    """
    stated = _ON_CARD.search(files.get("card.md", b""))
    weights = sha256(files[WEIGHTS]).hexdigest()
    if stated is not None and stated[1].decode() != weights:
        raise _other(folder, f"the SHA-256 of {WEIGHTS} is {weights}, and card.md says another")
    ledger = _ledger_beside(folder)
    if ledger is not None:
        _check_against(ledger, folder, files, about)
    elif stated is None:
        return (f"no ledger beside {folder} and no card says that its weights are the study's",)
    return ()


def _ledger_beside(folder: Path) -> Path | None:
    """Return the ledger that names what lies in a run's model/ or a home's released/STUDY."""
    where = folder.resolve()
    homes = [where.parent] * (where.name == "model")
    homes += [where.parent.parent] * (where.parent.name == "released")
    return next((home / LEDGER for home in homes if (home / LEDGER).is_file()), None)


def _check_against(
    ledger: Path, folder: Path, files: Mapping[str, bytes], about: ReleasedModel
) -> None:
    history, _ = gather(read_history(ledger.read_bytes()).said)
    study = history.get(about.study_id)
    release = None if study is None else study.release
    if release is None:
        raise _other(folder, f"{ledger} tells of no model released by study {about.study_id!r}")
    if to_text(bundle_digest(files)) != release.bundle:
        raise _other(folder, f"its files have another digest than {ledger} names")


def _other(folder: Path, why: str) -> RunError:
    return RunError(
        "model.other", f"{folder} is not the model that was released", why,
        "obtain the released folder again from its owner",
    )  # fmt: skip
