"""The digest of the code that runs: what sites accept together with the study document."""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from collegium.ledger.hashing import lp, tagged_hash
from collegium.plugins import origin
from collegium.study.document import Study
from collegium.study.parts import named_parts


def code_digest(study: Study) -> bytes:
    """Return the digest over the package's Python files, by name, and over a study's plug-ins.

    Each part that the study names and another package brings is told by its entry point and that
    package's version; the code of that package is not read.

    Raises:
        PluginError: two installed packages bring one of the names.
    """
    root = Path(str(files("collegium")))
    parts = (
        lp(path.relative_to(root).as_posix().encode()) + sha256(path.read_bytes()).digest()
        for path in sorted(root.rglob("*.py"))
    )
    origins = ((part, origin(part.kind, part.name)) for part in named_parts(study))
    foreign = (
        lp(word.encode())
        for part, where in origins
        if where is not None
        for word in (part.kind, part.name, where.target, where.package, where.version)
    )
    return tagged_hash("code", *parts, *foreign)
