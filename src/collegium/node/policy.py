"""``policy.toml``: what a member's node may do. It wins over the ledger (architecture 3.9).

What is not allowed is refused: a file that says nothing allows no study and no plain update.
Texts are matched as globs. A policy speaks about the member's rows; a validator's work reads
none, so a member validates the studies that it refuses as well, unless ``enabled`` is false.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from collegium.node.config import Section
from collegium.node.settings import read_settings, unacceptable
from collegium.study.document import Study

POLICY = "policy.toml"


class Policy(Section, frozen=True, kw_only=True):
    """What a site allows.

    Attributes:
        enabled: the off switch; if false, the node says nothing about any study.
        studies: ids, or digests of study documents in hex.
        models: architectures.
        owners: ids of members that register studies.
        code: digests, in hex, of the code that an owner registers with a study.
        epsilon: the most that a study may spend of differential privacy; plain updates spend
            without bound. Absent: no cap.
        minimum_rows: training rows under which this site takes no part.
        plain_updates: whether an update may leave without protection.
    """

    enabled: bool = True
    studies: tuple[str, ...] = ()
    models: tuple[str, ...] = ("*",)
    owners: tuple[str, ...] = ("*",)
    code: tuple[str, ...] = ("*",)
    epsilon: float | None = None
    minimum_rows: int = 0
    plain_updates: bool = False


SWITCHED_OFF = Policy(enabled=False)
"""The policy of a member whose policy file cannot be read."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a registered study asks of a site: digests in hex, and the training rows it would use.

    `rows` is None where the member is none of the study's sites.
    """

    study: Study
    document: str
    owner: str
    code: str
    rows: int | None


def read_policy(home: Path) -> Policy:
    """Return a home's policy.

    Raises:
        NodeError: it cannot be read, or a value makes no sense.
    """
    path = home / POLICY
    policy = read_settings(path, Policy)
    if policy.epsilon is not None and not policy.epsilon >= 0:
        raise unacceptable(path, ("epsilon",), "is no bound", "write a number, 0 or more")
    if policy.minimum_rows < 0:
        raise unacceptable(path, ("minimum_rows",), "is negative", "write 0 or more")
    return policy


def objections(policy: Policy, asked: Asked) -> tuple[str, ...]:
    """Return everything about a study that a policy does not allow, one line each."""
    return tuple(_objections(policy, asked))


def _objections(policy: Policy, asked: Asked) -> Iterator[str]:
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
    plain = study.privacy.protection == "none"
    if plain and not policy.plain_updates:
        yield "updates would be plain (plain_updates = false)"
    if policy.epsilon is not None:  # no protection that there is so far bounds what is spent
        yield f"the study spends without bound, and epsilon is capped at {policy.epsilon:g}"
    if asked.rows is not None and asked.rows < policy.minimum_rows:
        yield f"this site has fewer than {policy.minimum_rows} training rows (minimum_rows)"


def _allows(globs: tuple[str, ...], text: str) -> bool:
    return any(fnmatchcase(text, glob) for glob in globs)
