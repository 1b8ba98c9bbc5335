"""What a verifier has of a history besides the ledger: blobs, keys, and what may be gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from collegium.audit.studies import Attempt
from collegium.canonical import from_text
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.ledger.sealing import Context, KeyOf, unseal

Fetch = Callable[[str], bytes | None]
"""Returns the blob that the ledger names so (base64url), or None."""

Absence = Literal["missing", "retired", "sealed"]
"""Why an update is not to be had: its blob is gone, may be gone, or is sealed to others."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Blobs and keys, and which blobs the ledger says are kept no longer.

    Attributes:
        genesis: the ledger's digest.
        fetch: returns a blob by its name.
        retired: digests of blobs whose absence is no fault.
        key_of: the verifier's keys, if it is a member; they open what is sealed to it.
    """

    genesis: bytes
    fetch: Fetch
    retired: frozenset[bytes]
    key_of: KeyOf

    def update(self, attempt: Attempt, author: str) -> bytes | Absence:
        """Return a revealed update, or why it is not to be had.

        Raises:
            FormatError: it is sealed to this verifier and does not open to what was announced.
        """
        reveal, opened = attempt.reveals[author], attempt.opened
        plain = self.fetch(reveal.digest)
        if plain is not None:
            return plain
        name = reveal.sealed if isinstance(reveal.sealed, str) else reveal.digest
        data = None if name == reveal.digest else self.fetch(name)
        if data is None:
            gone = from_text(name, DIGEST_SIZE) in self.retired
            return "retired" if gone else "missing"
        digest = from_text(reveal.digest, DIGEST_SIZE)
        context = Context(self.genesis, opened.study, opened.round, opened.attempt, author, digest)
        update = unseal(data, context, self.key_of)
        return "sealed" if update is None else update
