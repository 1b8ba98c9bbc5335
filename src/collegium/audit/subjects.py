"""What a finding is about: the ledger, a study, a round, an attempt, a member, an entry, a file."""

from __future__ import annotations

from typing import Literal

import msgspec


class AboutLedger(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="ledger"):
    """The ledger file, its genesis alone, or what begins at one of the file's bytes."""

    part: Literal["", "genesis"] = ""
    byte: int | None = None


class AboutEntry(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="entry"):
    """An entry: by its index, or as what a study's history has once (of a member)."""

    index: int | None = None
    study: str = ""
    transaction: str = ""
    member: str = ""


class AboutStudy(msgspec.Struct, frozen=True, tag_field="kind", tag="study"):
    """A whole study."""

    study: str


class AboutStep(msgspec.Struct, frozen=True, tag_field="kind", tag="step"):
    """A step of a study's set-up."""

    study: str
    step: int


class AboutRound(msgspec.Struct, frozen=True, tag_field="kind", tag="round"):
    """A round of a study; without one it is counted over all studies."""

    study: str
    round: int


class AboutAttempt(msgspec.Struct, frozen=True, tag_field="kind", tag="attempt"):
    """An attempt at a round."""

    study: str
    round: int
    attempt: int


class At(msgspec.Struct, frozen=True, omit_defaults=True):
    """A round and attempt in which something occurred."""

    round: int
    attempt: int = 1


class AboutMember(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="member"):
    """A member: on the whole ledger, in a study, or in the rounds where something occurred."""

    member: str
    study: str = ""
    rounds: tuple[At, ...] = ()


class AboutAttempts(
    msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="attempts"
):
    """Attempts in which something occurred; none where it is of the study as a whole."""

    study: str
    attempts: tuple[At, ...] = ()


class AboutFile(msgspec.Struct, frozen=True, tag_field="kind", tag="file"):
    """A file or folder beside the ledger, by its path in the run folder."""

    path: str


class AboutReceipt(msgspec.Struct, frozen=True, tag_field="kind", tag="receipt"):
    """A part of a receipt."""

    part: Literal["checkpoint", "entry", "extra", "file", "proof"]


Subject = (
    AboutLedger | AboutEntry | AboutStudy | AboutStep | AboutRound | AboutAttempt | AboutAttempts
    | AboutMember | AboutFile | AboutReceipt
)  # fmt: skip


class RefusedSum(msgspec.Struct, frozen=True, omit_defaults=True):
    """A sum that is none of honest updates: of which group (0: everybody), and why.

    `why` is "range", "norm" or "commitments" of a sum that opens, "deal" or "shares" of one that
    does not, for the shares of a dealer's secret.
    """

    group: int
    why: str
    dealer: str = ""


Value = str | int | float | tuple[str, ...] | tuple[int, ...] | tuple[RefusedSum, ...]
"""What a finding tells besides its subject."""
