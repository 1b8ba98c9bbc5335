"""What travels in HTTP between a member and the sequencer; docs/spec/10-log-engine.md.

Bodies are the bytes of `ledger.engines.log.delivery`, or one JSON object of these structs. A
refusal is a status and a `Problem`.
"""

from __future__ import annotations

import msgspec

from collegium.ledger.ordering import Answer, NotYet, Ordered, Refused

PRESENT_FIRST, NOT_IN_THE_LOG, COSIGNATURE_REFUSED = 428, 404, 422
"""HTTP statuses of the exceptions of `connection` with these names."""

UNDECIDED = ("busy", "waiting")
"""Codes of `NotYet`."""

LARGEST_SUBMISSION = 4 * 2**20
LARGEST_BLOCKS = 64 * 2**20
LARGEST_LINE = 4096
LARGEST_BLOB = 2**36
LARGEST_SIZE = 2**53 - 1
"""Bytes of what is sent at once, of a blob in all, and entries of a log."""
LONGEST_WAIT = 60.0
"""Seconds for which a question is held open at most."""

OFFSET, LENGTH = "Upload-Offset", "Upload-Length"
"""Headers of a blob's upload: how many bytes are there, and how many there will be."""


class Problem(msgspec.Struct, frozen=True):
    """Why a question was refused: a `CollegiumError`'s fields, or the name of an exception."""

    code: str
    what: str = ""
    why: str = ""
    todo: str = ""


class TransactionAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to one transaction: index and promise, or a code and its reason.

    The codes `UNDECIDED` say that nothing is decided yet; any other is a refusal.
    """

    index: int | None = None
    code: str = ""
    reason: str = ""
    promise: str = ""


class Missing(msgspec.Struct, frozen=True):
    """From which size on the sequencer lacks what is final at a member, or null."""

    missing: int | None


def encode_answers(answers: list[Answer]) -> bytes:
    """Return the answers to a submission as JSON."""
    return msgspec.json.encode(
        [
            TransactionAnswer(one.index, promise=one.promise)
            if isinstance(one, Ordered)
            else TransactionAnswer(None, one.code, one.reason)
            for one in answers
        ]
    )


def decode_answers(data: bytes) -> list[Answer]:
    """Return the answers in JSON.

    Raises:
        msgspec.MsgspecError: it is something else.
    """
    decided = msgspec.json.decode(data, type=list[TransactionAnswer])
    return [
        Ordered(one.index, one.promise)
        if one.index is not None
        else (NotYet if one.code in UNDECIDED else Refused)(one.code, one.reason)
        for one in decided
    ]
