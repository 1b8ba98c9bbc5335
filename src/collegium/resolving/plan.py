"""What document and registration fix about a study's rounds, as resolving asks for it."""

from __future__ import annotations

from dataclasses import dataclass

from collegium.learning.aggregation.groups import norm_bound
from collegium.learning.aggregation.next_model import rule_named, server_named
from collegium.learning.aggregation.random_k import SentCoordinates, drawn_of
from collegium.learning.aggregation.rule import Rule
from collegium.learning.aggregation.scores import Scores, scores_of
from collegium.learning.blobs import ModelState
from collegium.learning.server import ServerOptimizer
from collegium.ledger.contract.rules import sent_of
from collegium.ledger.contract.series import is_sum
from collegium.ledger.contract.tables import StudyRecord
from collegium.resolving.attempt import Attempt
from collegium.secrecy.opening import secure_sum_named
from collegium.secrecy.outcome import ServerStep
from collegium.secrecy.secure_sum import Adding, SecureSum
from collegium.study.document import Server, Study
from collegium.study.searching import at_round


@dataclass(frozen=True, slots=True)
class Plan:
    """How a study makes models, sums and ends of its attempts.

    What is looked up by name raises PluginError where it is not installed.

    Attributes:
        document: the study's.
        terms: as registered, in the round that is meant.
        in_clear: what adds vectors up in the place of the registered protocol; a simulation
            without a ledger hides nothing.
    """

    document: Study
    terms: StudyRecord
    in_clear: Adding | None = None

    @property
    def rule(self) -> Rule:
        """The registered rule."""
        return rule_named(self.terms.rule)

    @property
    def tolerate(self) -> int:
        """How many bad updates the rule must bear."""
        return self.document.aggregation.tolerate

    @property
    def optimizer(self) -> ServerOptimizer:
        """The registered server step."""
        return server_named(self.terms.server)

    @property
    def protocol(self) -> SecureSum:
        """What hides updates."""
        return secure_sum_named(self.terms.design)

    @property
    def adding(self) -> Adding:
        """What opens their sum."""
        return self.in_clear or self.protocol

    @property
    def sent(self) -> int:
        """How many coordinates an update has."""
        return sent_of(self.terms)

    def settings(self, number: int) -> Server:
        """Return the settings of a round's server step."""
        return at_round(self.document, number)[0].aggregation.server

    def drawn(self, attempt: Attempt, start: ModelState) -> SentCoordinates | None:
        """Return which coordinates an attempt's updates have, if not all of its model's."""
        place, size = attempt.place, start.parameters.size
        return drawn_of(self.document, place.genesis, place.round, attempt.model, size)

    def recipe(self, attempt: Attempt, start: ModelState) -> ServerStep:
        """Return how a model is made of an attempt's sums."""
        return ServerStep(
            self.adding, self.sent, self.rule, self.tolerate, self.optimizer,
            self.settings(attempt.number), self.drawn(attempt, start),
        )  # fmt: skip

    def longest(self, attempt: Attempt) -> int | None:
        """Return how long a hidden vector may be, in integers; None where nothing bounds it."""
        secure = self.document.privacy.secure_aggregation
        if secure is None or secure.norm_bound is None or is_sum(attempt.number):
            return None
        return norm_bound(secure.norm_bound, attempt.exponent)

    def scores(self, attempt: Attempt) -> Scores | None:
        """Return what the rule is given of an attempt's scores; None where nobody scored."""
        return scores_of(self.document, attempt.exponent, attempt.scores)
