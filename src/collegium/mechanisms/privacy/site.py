"""What a site does so that what leaves it has differential privacy.

Of patients or rows: how many it has is told with noise, once; every round's update comes of DP-SGD;
of its test part it tells a noised table of answers. Where it is a unit as a whole, its update is
noised by a stage, and nothing else is told. All of the randomness is secret and the same whenever
it is asked for, so that nothing is ever released twice with fresh noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collegium.accounting.orders import NANO
from collegium.accounting.terms import PrivacyTerms
from collegium.data.table import SiteRows
from collegium.federation.identity import Identity
from collegium.learning.noise import SecretStream
from collegium.learning.private import NoiseTerms, PrivateJob, noise_terms_of
from collegium.learning.trainer import TrainingJob
from collegium.ledger.hashing import lp, tagged_hash, u64
from collegium.study.document import Study
from collegium.study.privacy import privacy_terms, size_epsilon


@dataclass(frozen=True, slots=True)
class SitePrivacy:
    """A study's differential privacy, as one site keeps to it."""

    study: str
    terms: PrivacyTerms
    noising: NoiseTerms
    identity: Identity

    def units(self, rows: SiteRows) -> NDArray[np.int64]:
        """Return the unit that each row belongs to, int64 [rows]."""
        return self.terms.protects.of_rows(rows.person)

    def size(self, rows: SiteRows) -> int:
        """Return the number of units in a training part with two-sided geometric noise.

        It is at least what makes one expected unit in a step. One unit more or less changes the
        true number by one. Where the unit withholds it, the size is 1.
        """
        if self.terms.protects.withholds:
            return 1
        whose = np.unique(self.units(rows)).tobytes()  # the same however rows are prepared
        stream = SecretStream(self.identity.randomness(self.study, "size", whose))
        noise = int(stream.geometric(size_epsilon(self.terms), 1)[0])
        true = len(np.unique(self.units(rows)))
        return max(-(-NANO // self.terms.sampling), true + noise)

    def job(self, job: TrainingJob, rows: SiteRows, model: bytes) -> PrivateJob:
        """Return a round's local work from the model of that digest."""
        seed = self.identity.randomness(
            self.study, "dp-sgd", u64(job.round), model, digest_of(rows)
        )
        return PrivateJob(job, self.units(rows), self.size(rows), seed)

    def evaluation_stream(self, model: bytes, rows: SiteRows) -> SecretStream:
        """Return the noise of the statement about a model on the test part."""
        seed = self.identity.randomness(self.study, "evaluation", model, digest_of(rows))
        return SecretStream(seed)


def digest_of(rows: SiteRows) -> bytes:
    """Return a digest of all that the noise on rows must depend on: values, answers, persons.

    The same noise on other rows would give away their difference.
    """
    columns = (rows.x, rows.y, rows.person)
    return tagged_hash(
        "noised-rows",
        *(lp(str((one.dtype.str, one.shape)).encode()) + one.tobytes() for one in columns),
    )


def site_privacy(study: Study, identity: Identity) -> SitePrivacy | None:
    """Return how a site keeps to a study's differential privacy; None where it asks for none."""
    wanted, terms = study.privacy.differential_privacy, privacy_terms(study)
    if wanted is None or terms is None:
        return None
    return SitePrivacy(study.study.id, terms, noise_terms_of(terms, wanted.clip), identity)
