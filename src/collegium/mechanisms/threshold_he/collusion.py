"""Who can read updates that are encrypted: colluders try, with one key for all and with dealt keys.

With one key for all clients, as in FedHealth (Chen, Qin, Wang, Yu and Gao, IEEE Intelligent Systems
2020), a single client in league with whoever stores the ciphertexts reads every update. Under
`threshold_he` it takes as many as the threshold. Both are tried on the updates of a study's round.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from collegium.audit.gathering import frozen, gather
from collegium.audit.history import read_history
from collegium.errors import RunError
from collegium.federation.identity import identity
from collegium.federation.secrets import simulated_secret
from collegium.ledger.blobs import BlobFolder
from collegium.mechanisms.threshold_he.encrypted import EncryptedSum
from collegium.mechanisms.threshold_he.key_shares import Key, interpolate
from collegium.mechanisms.threshold_he.protocol import added, key_of, point_of
from collegium.mechanisms.threshold_he.rlwe import PARAMETERS, encrypt, noise, uniform
from collegium.resolving.blobs import StoredBlobs
from collegium.secrecy.masking import RingVector
from collegium.secrecy.secure_sum import OwnSecrets
from collegium.secrecy.sum_setup import FixedDeals
from collegium.study.reading import read_study

ENCRYPTED_ROUND = (
    "training.rounds=1", "evaluation.bootstrap=0", "consensus.engine=solo",
    'privacy.secure_aggregation.protocol="threshold_he"',
)  # fmt: skip
"""Changes that make of a study one round of encrypted updates."""


@dataclass(frozen=True, slots=True)
class ReadUpdates:
    """How many of the others' updates some colluders read.

    Attributes:
        keys: "shared" where all clients have one key, else "dealt".
        colluders: how many sites act together, and with whoever stores the ciphertexts.
        read: updates that they read exactly.
        others: updates of sites that are not among them.
    """

    keys: str
    colluders: int
    read: int
    others: int


@dataclass(frozen=True, slots=True)
class Collusion:
    """What colluders read in a round of a study; `threshold` many members open its sum."""

    study: str
    sites: int
    threshold: int
    reached: tuple[ReadUpdates, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Round:
    """A round as its colluders see it, and every site's secrets, of which they have their own."""

    agreement: FixedDeals
    parameters: int
    hidden: Mapping[str, bytes]
    deals: Mapping[str, bytes]
    own: Mapping[str, OwnSecrets]

    def read(self, target: str, key: Key) -> RingVector | None:
        """Return what a key opens of one site's update."""
        one = {target: self.hidden[target]}
        return added(self.agreement, self.parameters, one).opened(key)

    def truth(self, target: str) -> RingVector:
        """Return a site's update, by its own key."""
        vector = self.read(target, key_of(self.own[target], self.agreement.share_holders, target))
        if vector is None:
            raise LookupError(target)
        return vector


def collude(folder: Path) -> Collusion:
    """Let growing numbers of sites of a run collude to read its first round's updates.

    Args:
        folder: of a run with the changes `ENCRYPTED_ROUND`.

    Raises:
        CollegiumError: the folder is no run, or its round failed.
    """
    found = _round(folder, read_study(folder / "study.toml").study.study.seed)
    share_holders = found.agreement.share_holders
    counts = sorted({1, share_holders.threshold - 1, share_holders.threshold})
    reached = (_with_shared_key(found), *(_with_dealt_keys(found, count) for count in counts))
    name = share_holders.place.study
    return Collusion(name, len(share_holders.keys), share_holders.threshold, reached)


def _round(folder: Path, seed: int) -> _Round:
    history = read_history((folder / "ledger.log").read_bytes())
    (study_history,) = gather(history.said)[0].values()
    closed = study_history.closed_rounds
    if not closed:
        raise RunError(
            "run.no-round", "the study's round came to no model",
            "too few of its sites spoke, or their sum could not be opened",
            "try the study without faults and threats first",
        )  # fmt: skip
    attempt = frozen(study_history, closed[0])
    kept = BlobFolder(folder / "blobs")
    blobs = StoredBlobs(kept.get, kept.get_all, lambda key: None)
    hidden, deals = blobs.hidden(attempt)
    place = attempt.place.study, attempt.place.round, attempt.place.attempt
    return _Round(
        attempt.agreement, attempt.terms.parameters, hidden, deals,
        {
            name: identity(name, history.identity, simulated_secret(seed, name)).own_secrets(*place)
            for name in attempt.keys
        },
    )  # fmt: skip


def _with_dealt_keys(found: _Round, count: int) -> ReadUpdates:
    """Let the first sites put together the shares that they were dealt of the others' keys."""
    share_holders, names = found.agreement.share_holders, list(found.hidden)
    parameters, read = PARAMETERS[share_holders.ring], 0
    for target in names[count:]:
        points = {}
        for name in names[:count]:
            point = point_of(found.own[name], share_holders, target, name, found.deals[target])
            if point is not None:
                points[share_holders.numbers[name]] = [row[: parameters.degree] for row in point]
        vector = found.read(target, interpolate(points, 0, parameters))
        read += vector is not None and np.array_equal(vector, found.truth(target))
    return ReadUpdates("dealt", count, int(read), len(names) - count)


def _with_shared_key(found: _Round) -> ReadUpdates:
    """Encrypt the same updates under one key, which the first site has like all others."""
    ring, names = found.agreement.ring, list(found.hidden)
    parameters, read = PARAMETERS[ring], 0
    key = [uniform(os.urandom(32), parameters.degree, prime) for prime in parameters.primes]
    for target in names[1:]:
        sent = found.truth(target)
        matrix = added(found.agreement, found.parameters, {target: found.hidden[target]}).matrix
        error = noise(os.urandom(32), matrix[0].size)
        stored = EncryptedSum(encrypt(sent, matrix, key, error), matrix, ring, sent.size, 1)
        vector = stored.opened(key)
        read += vector is not None and np.array_equal(vector, sent)
    return ReadUpdates("shared", 1, int(read), len(names) - 1)
