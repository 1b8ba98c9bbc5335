"""Who a participant is: its member id, its key, and the ledger it signs for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from collegium import canonical
from collegium.federation.secrets import derive, read_secret
from collegium.ledger.contract.transactions import Transaction
from collegium.ledger.envelope import sign_envelope
from collegium.ledger.genesis import ledger_text
from collegium.ledger.hashing import u64
from collegium.ledger.keys import SigningKey, signing_key
from collegium.secrecy.secure_sum import OwnSecrets
from collegium.secrecy.shamir import PRIME


@dataclass(frozen=True, slots=True)
class Identity:
    """A member's means to speak. The repr shows nothing secret."""

    member: str
    genesis: bytes
    key: SigningKey
    _secret: bytes
    _salts: dict[tuple[str, int, int], bytes] = field(default_factory=dict, compare=False)

    def __repr__(self) -> str:
        return f"Identity(member={self.member!r})"

    def sign(self, kind: type[Transaction], **fields: Any) -> bytes:
        """Return the envelope of a transaction for this ledger."""
        transaction = kind(format=1, genesis=ledger_text(self.genesis), **fields)
        return sign_envelope(canonical.encode(transaction), self.key)

    def salt(self, study: str, number: int, attempt: int) -> bytes:
        """Return the salt of a commitment: secret, and the same whenever it is asked for."""
        known = self._salts.get((study, number, attempt))
        if known is None:
            context = (self.genesis, study.encode(), u64(number), u64(attempt))
            known = derive(self._secret, "salt", *context)
            self._salts.clear()  # the latest is asked for twice: to commit, and to reveal
            self._salts[study, number, attempt] = known
        return known

    def score_salt(self, study: str, number: int, attempt: int) -> bytes:
        """Return the salt of a commitment to scores; that of an update is known by then."""
        context = (self.genesis, study.encode(), u64(number), u64(attempt))
        return derive(self._secret, "score-salt", *context)

    def seed(self, study: str, number: int, attempt: int, update: bytes) -> bytes:
        """Return what seals an update of that digest: secret, and never that of another update."""
        context = (self.genesis, study.encode(), u64(number), u64(attempt), update)
        return derive(self._secret, "sealing", *context)

    def own_secrets(self, study: str, number: int, attempt: int) -> OwnSecrets:
        """Return the secrets behind an attempt's masks and shares; no two attempts share one."""
        context = (self.genesis, study.encode(), u64(number), u64(attempt))
        mask, own, share = (
            derive(self._secret, f"secagg-{use}", *context) for use in ("mask", "own", "share")
        )
        first, second = (int.from_bytes(secret, "little") % PRIME for secret in (mask, own))
        return OwnSecrets(first, second, share)

    def commitment_key(self, study: str) -> bytes:
        """Return the key of the commitment to a site's data snapshot; it never leaves the site."""
        return derive(self._secret, "snapshot", self.genesis, study.encode())

    def randomness(self, study: str, purpose: str, *context: bytes) -> bytes:
        """Return the seed of the noise and the samples that protect a site's patients in a study.

        What is protected must be in the context as a whole: the same noise on other values would
        give away their difference.
        """
        return derive(self._secret, purpose, self.genesis, study.encode(), *context)


def member_key(secret: bytes) -> SigningKey:
    """Return the signing key that belongs to a node secret."""
    return signing_key(derive(secret, "signing"))


def ledger_keys(home: Path) -> tuple[SigningKey, ...]:
    """Return the ledger keys in the home of a simulated member.

    Raises:
        RunError: there is no secret in it, or not one.
    """
    return (member_key(read_secret(home)),)


def identity(member: str, genesis: bytes, secret: bytes) -> Identity:
    """Return a member's identity on a ledger."""
    return Identity(member, genesis, member_key(secret), secret)
