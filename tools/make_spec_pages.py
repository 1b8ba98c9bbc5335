"""Write docs/spec/6-transactions.md and 7-events.md from the types that the code decodes with.

Run after changing `ledger/contract/transactions.py` or `events.py`; a test compares the pages.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, get_args

import msgspec
from msgspec import inspect

from collegium.ledger.contract import events
from collegium.ledger.contract.declared import union_of
from collegium.ledger.contract.results import Failure, ModelResult, SumResult
from collegium.ledger.contract.transactions import Admit, AnyTransaction, Expel, Rotate
from collegium.ledger.genesis import Member
from collegium.mechanisms.scores.terms import Restore

PARTS = (Member, Admit, Expel, Restore, Rotate, ModelResult, SumResult, Failure)
SPEC = Path(__file__).parents[1] / "docs" / "spec"

TRANSACTIONS = """# 6. Transactions

Every payload has `kind`, `format` (1) and `genesis` (base64url) besides the fields below.
"Digest" is 32 bytes in base64url (43 characters); what has a pattern matches it whole. A
transaction is *rejected* (it leaves no trace in log or state) unless an active member signed it
with its current key and the contract accepts it.

A member says a thing once: the natural key of a transaction is its kind, its sender and those of
`study`, `round`, `attempt`, `phase`, `proposal`, `updates`, `step` that it has. In one log, no two
different payloads have one natural key, and one payload comes twice only as `phase.timeout`,
`study.abandon`, `member.vote` or `blob.retire` (a vote may be repeated where expulsions have made
it decisive). Two different payloads under one natural key prove equivocation. `evidence.conflict`
itself has no natural key: each names another pair.

Quorum is `3 · yes > 2 · total` over voting powers: those of the round for availability and votes,
the current ones for timers, abandonment, proposals and retirement.

- `statistics` asks for the set-up of page 15; the `model` that is registered with it is a single
  tensor `bias` of one zero, which `study.begin` replaces, as it does `parameters`.
- `bitmap`: base64url of ⌈n/8⌉ bytes for n participants. Participant i of `round.opened` (from 0) is
  bit 7 − (i mod 8) of byte ⌊i/8⌋, so the first is the highest bit of the first byte; unused bits
  are 0, and a set bit names a member that revealed.
- `weight` has at most two significant binary digits (1, 2, 3, 4, 6, 8, 12, …); it counts where the
  study's `weights` are `rows`, else every weight is 1.
- `sealed`: page 9. Where it is absent, the blob of `digest` holds the update.
- `blob.retire` comes after `study.closed`. `own` updates are retired at once, `all` by a quorum of
  votes for the same `round`; what is retired is retired once.
- `scores` of a registration is page 18's `{by, demote, demotion, threshold}`; those of a validator
  are of one included update each, in order of `updates.included`.
- `code` and `snapshot` are commitments of their sender's, and name no blob.
- `first`, `second`: base64url of two whole envelopes of page 2, in the order of their payloads.
- `result`: votes agree if their results have one digest, `tagged("result", canonical JSON)`. What a
  `ModelResult` has besides `model` is what its round asks for, and nothing else: `saturated` and
  `small` in designs with `sa.keys`, `within` where a clip follows the updates, `validation` with
  `selection`, `ends` at most with `patience`, `without` at most in groups. Sums of statistics come
  to a `SumResult`. A `Failure` counts whatever its reason; `blames` goes with the reason `deal`.
- `proposal`: base64url of 16 random bytes. `proof`: page 8.
"""

DIGEST = "[A-Za-z0-9_-]{43}"

EVENTS = """# 7. Events

What the contract did because of the entry's transaction, as a canonical JSON list in the order in
which it happened. A round that the contract closes is an event of the vote that closed it.

`participants` and `weights` belong together by index, as do `validators` and `powers`; both are in
order of ids. `ring` is 32 where 2 · 32767 · Σ weights < 2^32, else 64. Those are included, in order
of `participants`, whom bitmaps of a quorum name. A closing round is followed, in one entry, by the
membership changes that waited for it, and then by the opening of the next; validators and their
powers therefore never change while a round is open, and a further attempt has the same
participants. What scores make of reputations (page 18) stands right after the closing. `power` is
that of the votes for the same result when the round closed. Blobs in `updates.retired` may be
missing from then on, unless a reveal that is not retired names them too.
"""


def main(argv: list[str]) -> int:
    """Write the pages, or with ``--check`` say whether they are as they should be."""
    pages = {
        SPEC / "6-transactions.md": page(TRANSACTIONS, AnyTransaction)
        + "\n## Parts\n"
        + "".join(section(kind, kind.__name__) for kind in PARTS),
        SPEC / "7-events.md": page(EVENTS, union_of(events.KERNEL, "events")),
    }
    if "--check" in argv:
        return int(any(path.read_text() != text for path, text in pages.items()))
    for path, text in pages.items():
        path.write_text(text)
    return 0


def page(head: str, union: Any) -> str:
    """Return a page with a section for every type of a union."""
    return head + "".join(
        section(kind, f"`{kind.__struct_config__.tag}`") for kind in get_args(union)
    )


def section(kind: type[msgspec.Struct], title: str) -> str:
    """Return a type's section: its purpose and a table of its fields."""
    rows = [
        f"| `{field.encode_name}` | {describe(field.type)}{', optional' * (not field.required)} |"
        for field in sorted(fields_of(kind), key=lambda field: field.encode_name)
        if field.encode_name not in ("format", "genesis")
    ]
    tag = kind.__struct_config__.tag_field
    if tag in ("do", "of"):
        rows.insert(0, f'| `{tag}` | `"{kind.__struct_config__.tag}"` |')
    table = "".join(f"{row}\n" for row in ["| field | value |", "|---|---|", *rows])
    text = " ".join((kind.__doc__ or "").split())
    return f"\n### {title}\n\n{text}\n\n{table if rows else ''}"


def fields_of(kind: type[msgspec.Struct]) -> tuple[inspect.Field, ...]:
    """Return a struct's fields as msgspec sees them."""
    info = inspect.type_info(kind)
    if not isinstance(info, inspect.StructType):
        raise TypeError(kind)
    return info.fields


def describe(kind: Any) -> str:
    """Return a field's type in words."""
    match kind:
        case inspect.IntType(ge=low, le=high):
            start = "" if low is None else f" from {low}"
            return f"integer{start}{'' if high is None else f' to {high}'}"
        case inspect.StrType(pattern=None, min_length=43, max_length=43):
            return "digest"
        case inspect.StrType(pattern=None):
            return "string"
        case inspect.StrType(pattern=str() as pattern):
            bare = pattern.removeprefix("^").removesuffix(r"\Z")
            return "digest" if bare == DIGEST else f"string `{bare}`"
        case inspect.BoolType():
            return "true or false"
        case inspect.LiteralType(values=values):
            return " or ".join(f"`{value}`" for value in values)
        case inspect.VarTupleType(item_type=item):
            return f"list of: {describe(item)}"
        case inspect.UnionType(types=types):
            return " or ".join(describe(one) for one in types)
        case inspect.StructType(cls=cls):
            return cls.__name__
    raise TypeError(kind)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
