"""``policy.toml``: what a member's node may do. It wins over the ledger (architecture 3.9).

What is not allowed is refused: a file that says nothing allows no study and no plain update.
Texts are matched as globs. A policy speaks about the member's rows; a validator's other
work reads none, so a member validates the studies that it refuses as well, unless ``enabled`` is
false; it does not score there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from collegium.accounting.orders import MICRO
from collegium.accounting.terms import affordable_rounds
from collegium.accounting.totals import TookPart, Ways, in_all
from collegium.errors import NodeError
from collegium.node.config import Section
from collegium.node.settings import examine, unacceptable
from collegium.study.document import Study
from collegium.study.privacy import privacy_terms

POLICY = "policy.toml"


class Policy(Section, frozen=True, kw_only=True):
    """What a site allows.

    Attributes:
        enabled: the off switch; if false, the node says nothing about any study.
        studies: ids, or digests of study documents in hex.
        models: architectures.
        owners: ids of members that register studies.
        code: digests, in hex, of the code that an owner registers with a study.
        own_code: digests, in hex, of users' own models: the files that a study's
            ``model.code_digest`` names, and that would run here.
        first_models: SHA-256, in hex, of released weights that a study may begin with instead of
            what its seed gives (``model.first``).
        repeated_starts: what this site does where a sum of updates is asked for that start from
            a model from which a sum over other members was opened: "refuse" or "warn".
        epsilon: the most that a study may spend of differential privacy; plain updates spend
            without bound. Absent: no cap.
        epsilon_in_all: the most that all studies of the ledger together may spend of one person of
            this site, at the delta of the study that asks. Absent: no cap.
        minimum_rows: training rows under which this site takes no part.
        plain_updates: whether an update may leave with neither protection nor differential
            privacy.
        scores: whether this site, as a validator, may try others' updates on its rows and tell
            what it found.
    """

    enabled: bool = True
    studies: tuple[str, ...] = ()
    models: tuple[str, ...] = ("*",)
    owners: tuple[str, ...] = ("*",)
    code: tuple[str, ...] = ("*",)
    own_code: tuple[str, ...] = ()
    first_models: tuple[str, ...] = ()
    repeated_starts: Literal["refuse", "warn"] = "refuse"
    epsilon: float | None = None
    epsilon_in_all: float | None = None
    minimum_rows: int = 0
    plain_updates: bool = False
    scores: bool = False


SWITCHED_OFF = Policy(enabled=False)
"""The policy of a member whose policy file cannot be read."""


@dataclass(frozen=True, slots=True)
class StudyRequest:
    """What a registered study asks of a site: digests in hex, and the training rows it would use.

    `rows` is None where the member is none of the study's sites. `lost` is what one person of it
    has lost in each other study. `validates` is whether the member is a
    validator as well.
    """

    study: Study
    document: str
    owner: str
    code: str
    rows: int | None
    lost: tuple[Ways, ...] = ()
    validates: bool = False


def read_policy(home: Path) -> Policy:
    """Return a home's policy.

    Raises:
        NodeError: it cannot be read, or a value makes no sense.
    """
    policy, mistakes = examine_policy(home)
    for mistake in mistakes:
        raise mistake
    return policy


def examine_policy(home: Path) -> tuple[Policy, list[NodeError]]:
    """Return a home's policy as far as it makes sense, and every mistake in it.

    Raises:
        NodeError: it cannot be read, or is not TOML.
    """
    path = home / POLICY
    policy, found = examine(path, Policy)
    mistakes = [one.error for one in found]
    for key in ("epsilon", "epsilon_in_all"):
        cap = getattr(policy, key)
        if cap is not None and not cap >= 0:
            mistakes.append(unacceptable(path, (key,), "is no bound", "write a number, 0 or more"))
    if policy.minimum_rows < 0:
        mistakes.append(unacceptable(path, ("minimum_rows",), "is negative", "write 0 or more"))
    return policy, mistakes


def objections(policy: Policy, asked: StudyRequest) -> tuple[str, ...]:
    """Return everything about a study that a policy does not allow, one line each."""
    return tuple(_objections(policy, asked))


def _objections(policy: Policy, asked: StudyRequest) -> Iterator[str]:
    study = asked.study
    if not policy.enabled:
        yield "the member is switched off (enabled = false)"
    if not (_allows(policy.studies, study.study.id) or _allows(policy.studies, asked.document)):
        yield f"studies does not allow {study.study.id!r}, document {asked.document}"
    if not _allows(policy.models, study.model.architecture):
        yield f"models does not allow {study.model.architecture!r}"
    if not _allows(policy.owners, asked.owner):
        yield f"owners does not allow {asked.owner!r}"
    if not _allows(policy.code, asked.code):
        yield f"code does not allow {asked.code}"
    if not runs(policy, study):
        yield f"own_code does not allow {study.model.code_digest}"
    first = study.model.first
    if first is not None and not _allows(policy.first_models, first.digest):
        yield f"first_models does not allow {first.digest}, {first.origin}"
    private, masked = study.privacy.differential_privacy, study.privacy.secure_aggregation
    plain = study.privacy.protection == "none" and private is None and masked is None
    if plain and not policy.plain_updates:
        yield "updates would be plain (plain_updates = false)"
    if asked.validates and study.aggregation.scores is not None and not policy.scores:
        yield "others' updates would be tried on this site's rows (scores = false)"
    for key in ("epsilon", "epsilon_in_all"):
        cap = getattr(policy, key)
        if cap is not None and private is None:
            yield f"the study spends without bound, and {key} is capped at {cap:g}"
    if private is not None and policy.epsilon is not None and private.epsilon > policy.epsilon:
        yield (
            f"the study spends epsilon {private.epsilon:g} of a {private.unit}, and epsilon is"
            f" capped at {policy.epsilon:g}"
        )
    yield from _in_all(policy, asked)
    if asked.rows is not None and asked.rows < policy.minimum_rows:
        yield f"this site has fewer than {policy.minimum_rows} training rows (minimum_rows)"


def _in_all(policy: Policy, asked: StudyRequest) -> Iterator[str]:
    terms = privacy_terms(asked.study)
    if policy.epsilon_in_all is None or terms is None:
        return
    rounds = affordable_rounds(terms, asked.study.training.rounds)
    asks = TookPart(terms, rounds, evaluated=True).of_person
    total = in_all((asks, *asked.lost), terms.conversion) / MICRO
    if total > policy.epsilon_in_all:
        yield (
            f"with this study one person of this site would have lost epsilon {total:.3g} in all,"
            f" and epsilon_in_all is capped at {policy.epsilon_in_all:g}"
        )


def runs(policy: Policy, study: Study) -> bool:
    """Return whether a policy lets a study's own code run; most studies have none."""
    return study.model.code is None or _allows(policy.own_code, study.model.code_digest or "")


def _allows(globs: tuple[str, ...], text: str) -> bool:
    return any(fnmatchcase(text, glob) for glob in globs)
