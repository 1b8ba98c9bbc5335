"""Write docs/spec/6-transactions.md and 7-events.md from the types that the code decodes with.

Both list first what every ledger has, and then what each mechanism of ours adds. Run it after a
change of a type in `ledger/contract/` or in a mechanism's `terms`; a test compares the pages.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import Any

import msgspec
from msgspec import inspect

from collegium.ledger.contract import events, transactions
from collegium.ledger.contract.declared import COMMON_PHASES, Parts
from collegium.ledger.contract.mechanism import Mechanism, Phase, Where
from collegium.ledger.contract.results import Failure, ModelResult, SumResult
from collegium.ledger.contract.transactions import Admit, Adopt, Expel, Rotate
from collegium.ledger.genesis import Member
from collegium.plugins import BUILT_IN

VALUES = (Member, Admit, Adopt, Expel, Rotate, ModelResult, SumResult, Failure)
SPEC = Path(__file__).parents[1] / "docs" / "spec"
PAGES = {
    "compression": 8, "dealing": 13, "groups": 17, "plain": 8, "privacy": 12, "scores": 18,
    "search": 8, "secagg": 13, "secagg_plus": 13, "statistics": 15, "sum_check": 17, "sums": 19,
    "threshold_he": 16,
}  # fmt: skip
"""Where a mechanism is described."""

PLACES: dict[Where, str] = {
    "terms": "`terms` of `study.register`", "commit": "`parts` of `update.commit`",
    "result": "`parts` of a `ModelResult`", "opened": "`parts` of `round.opened`",
}  # fmt: skip
"""What mechanisms may add to, and in which field."""

TRANSACTIONS = """# 6. Transactions

Every payload has `kind`, `format` (1) and `genesis` (base64url) besides the fields below.
"Digest" is 32 bytes in base64url (43 characters); what has a pattern matches it whole. A
transaction is *rejected* (it leaves no trace in log or state) unless an active member signed it
with its current key and the contract accepts it. What every ledger has comes first, then what
each mechanism adds.

A member says a thing once: the natural key of a transaction is its sender, its kind and those of
`study`, `round`, `attempt`, `phase`, `proposal`, `updates`, `nonce` that it has, in this order, and
then the fields that its module adds. In one log, no two different payloads have one natural key,
and one payload comes twice only as `phase.timeout`, `study.abandon`, `member.vote` or `blob.retire`
(a vote may be repeated where expulsions have made it decisive). Two different payloads under one
natural key prove equivocation. `evidence.conflict` itself has no natural key: each names another
pair.

Quorum is `3 · yes > 2 · total` over voting powers: those of the round for availability and votes,
the current ones for timers, abandonment, proposals and retirement.

- `modules` of a registration are sorted, each admitted by the ledger (page 3). Exactly one of
  them carries updates; whatever they require is among them.
- `terms` has a part for each module of `modules` that has terms, and for no other; it is absent
  where there are none. `parts` of a commitment, of a result and of `round.opened` likewise hold,
  by mechanism, what modules of the study say there; a module's page tells when a part is
  required, and `{}` in the place of none is rejected. A part is called by its mechanism's name,
  from version 2 on with the version behind it (`scores_2`).
- An attempt has the phases of all of its study's modules besides those of every ledger, in order
  of their ranks. In a phase those are expected to speak who are in a table of the round, by one
  kind of transaction; it ends when all have, or when a quorum's timers have fired. Where modules
  do something at the same point, they do it in order of their names.
- In a study of tables (page 15) the `model` that is registered is a single tensor `bias` of one
  zero, which `study.begin` replaces, as it does `parameters`.
- `bitmap`: base64url of ⌈n/8⌉ bytes for n participants. Participant i of `round.opened` (from 0) is
  bit 7 − (i mod 8) of byte ⌊i/8⌋, so the first is the highest bit of the first byte; unused bits
  are 0, and a set bit names a member that revealed.
- `weight` has at most two significant binary digits (1, 2, 3, 4, 6, 8, 12, …); it counts where the
  study's `weights` are `rows`, else every weight is 1.
- `sealed`: page 9. Where it is absent, the blob of `digest` holds the update.
- `blob.retire` comes after `study.closed`. `own` updates are retired at once, `all` by a quorum of
  votes for the same `round`; what is retired is retired once.
- `code` and `snapshot` are commitments of their sender's, and name no blob.
- `first`, `second`: base64url of two whole envelopes of page 2, in the order of their payloads.
- `result`: votes agree if their results have one digest, `tagged("result", canonical JSON)`. In a
  round it is a `ModelResult`, with the parts that modules ask for: `dealing` wherever it is used,
  `privacy` where a clip follows the updates, `search` with a loss where a selection is
  registered, `groups` where groups are left out, sorted. Sums of statistics (page 19) come to a
  `SumResult`. A `Failure` counts whatever its reason; `blames` goes with the reason `deal`, where
  updates are hidden.
- `reason`: `unavailable`, a blob is not to be had; `malformed`, a blob or a sum is not what it must
  be; `refused`, the rule or the step cannot be carried out with what there is; `arithmetic`, it
  leads to no finite numbers; of a sum of hidden vectors: `deal`, a dealer's secret does not fit its
  deal; `shares`, too few shares are right; `sum`, it is not that of the commitments (page 17).
- `study.register` *(contract 2)*: `rounds` is at most 100,000, `parameters` at most 2^28, and an
  owner has at most 64 studies that are not closed.
- `member.return` *(contract 2)* comes from a validator, once for a nonce (page 10).
- `member.here` *(contract 2)* names the place of its sender's last mark (page 7) among those who
  speak in that phase, once, while the study is not `closing` or `closed`.
- `adopt` names a module that is not admitted yet.
- What a quorum accepts takes effect in the entry of the deciding vote *(contract 2)*. Under
  contract 1 only `rotate` does, and other changes wait until no round is open.
- `proposal`: base64url of 16 random bytes. `proof`: page 8.
"""

DIGEST = "[A-Za-z0-9_-]{43}"

EVENTS = """# 7. Events

What the contract did because of the entry's transaction, as a canonical JSON list in the order in
which it happened. A round that the contract closes is an event of the vote that closed it.

`participants` and `weights` belong together by index, as do `validators` and `powers`; both are
in order of ids. `ring` is 32 where 2 · 32767 · Σ weights < 2^32, else 64; with `threshold_he`
it is 64 *(contract 2)*. Those are included, in order of `participants`, whom bitmaps of a
quorum name. A round keeps the validators and powers with which it opened, and a further attempt
has the same participants and weights, less who was barred or whom page 13 leaves out, and those
of the validators that are still members *(contract 2)*; who was expelled stays a participant,
and is silent. What it said before counts. An expulsion ends, in its own entry, open attempts of
studies that wait for everybody and count on that member (`attempt.failed` with the reason
`expelled`); where it is a participant, or nobody is left to vote, the study fails. Under
contract 1 a closing round is followed, in one entry, by the membership changes that waited for
it, and then by the opening of the next. What modules make of a closing round (groups, page 17;
reputations, page 18) stands right after the closing, in order of their names. `design` is the
module that carries the updates; `parts` holds what modules tell of an opening round, by
mechanism, and is absent where they tell nothing. `power` is that of the votes for the same
result when the round closed. Blobs in `updates.retired` may be missing from then on, unless a
reveal that is not retired names them too.

**Silence** *(contract 2)*. Timers that end a phase mark those of its speakers who could speak and
had not, and are members (`members.silent`, page 4): for those who speak together in it, as
`participants`, `validators` or what a module names. So do timers of `statistics.post` mark
`participants`, with round 0. The mark ends with `member.here` (`member.back`). A first attempt at a
round, or at a sum, opens without marked sites (`members.skipped`, right before it) if as many are
left as it needs, unless page 13 binds who takes part. A phase of others than `participants` that is
not the last one ends without its marked speakers once all others have spoken, if those who did
have a quorum's power. Evaluation, and a step of set-up, end once all sites that are not marked
have spoken, if `min_sites` have. A mark changes no other number: what a quorum, a threshold or a
round needs stays as it is.
"""


def main(argv: list[str]) -> int:
    """Write the pages, or with ``--check`` say whether they are as they should be."""
    pages = {
        SPEC / "6-transactions.md": transactions_page(),
        SPEC / "7-events.md": events_page(),
    }
    if "--check" in argv:
        return int(any(path.read_text("utf-8") != text for path, text in pages.items()))
    for path, text in pages.items():
        path.write_text(text, "utf-8")
    return 0


def ours() -> list[Mechanism]:
    """Return the mechanisms of this package, whatever else is installed, in order of names."""
    packages = [BUILT_IN["mechanisms"][name] for name in sorted(BUILT_IN["mechanisms"])]
    return [import_module(f"{package}.terms").MECHANISM for package in packages]


def transactions_page() -> str:
    """Return page 6: what members say, in every ledger and in studies that use a mechanism."""
    parts = [TRANSACTIONS, "\n## In every ledger\n", phases(COMMON_PHASES)]
    parts += [section(kind, f"`{tag_of(kind)}`") for kind in transactions.KERNEL]
    parts += ["\n## Values within them\n", *(section(kind, kind.__name__) for kind in VALUES)]
    told: set[type] = set()
    for one in ours():
        parts += [f"\n## `{one.versioned}`\n\n{about(one)}\n", phases(one.phases)]
        parts += added(one, ("terms", "commit", "result"))
        for kind in (*one.transactions, *one.actions):
            if kind in told:
                parts.append(f"\n`{tag_of(kind)}` is as above.\n")
                continue
            told.add(kind)
            name = f"`{tag_of(kind)}`" if kind in one.transactions else kind.__name__
            parts.append(section(kind, name))
    return "".join(parts)


def events_page() -> str:
    """Return page 7: what the contract did, in every ledger and because of a mechanism."""
    parts = [EVENTS, "\n## In every ledger\n"]
    parts += [section(kind, f"`{tag_of(kind)}`") for kind in events.KERNEL]
    for one in ours():
        more = [section(kind, f"`{tag_of(kind)}`") for kind in one.events]
        if more := [*added(one, ("opened",)), *more]:
            parts += [f"\n## `{one.versioned}`\n", *more]
    return "".join(parts)


def tag_of(kind: type[msgspec.Struct]) -> str:
    """Return by which word a type is told from others in its place."""
    return str(kind.__struct_config__.tag)


def about(one: Mechanism) -> str:
    """Return what is true of a mechanism as a whole, in a sentence or more."""
    told = [f"Page {PAGES[one.name]}."]
    if one.carries:
        hidden = ", and hides them" if one.hides else ""
        told.append(f"It carries updates{hidden}: a study uses exactly one that carries them.")
    if one.requires:
        names = " and ".join(f"`{name}`" for name in one.requires)
        told.append(f"It requires {names}.")
    if one.before:
        names = ", then ".join(f"`{name}`" for name in one.before)
        told.append(f"A study is in {names} before its first round.")
    if one.key_fields:
        names = ", ".join(f"`{name}`" for name in one.key_fields)
        told.append(f"{names} is part of the natural keys of its transactions.")
    return " ".join(told)


def phases(some: Iterable[Phase]) -> str:
    """Return a table of phases that an attempt has, or nothing where there are none."""
    rows = [
        f"| `{one.name}` | {one.rank} | `{one.speakers}` | `{one.kind}` | `{one.table}` |\n"
        for one in some
    ]
    head = (
        "| phase | rank | speakers' table | by | table of what they say |\n|---|---|---|---|---|\n"
    )
    return f"\n{head}{''.join(rows)}" if rows else ""


def added(one: Mechanism, places: Iterable[Where]) -> list[str]:
    """Return the sections of what a mechanism adds to something."""
    return [
        section(one.parts[where], f"`{one.field}` in {PLACES[where]}")
        for where in places
        if where in one.parts
    ]


def section(kind: type[msgspec.Struct], title: str) -> str:
    """Return a type's section: its purpose and a table of its fields."""
    rows = [
        f"| `{field.encode_name}` | {describe(field.type)}{', optional' * (not field.required)} |"
        for field in sorted(fields_of(kind), key=lambda field: field.encode_name)
        if field.encode_name not in ("format", "genesis")
    ]
    if kind.__struct_config__.tag_field in ("do", "of"):
        rows.insert(0, f'| `{kind.__struct_config__.tag_field}` | `"{tag_of(kind)}"` |')
    table = "".join(f"{row}\n" for row in ["| field | value |", "|---|---|", *rows])
    return f"\n### {title}\n\n{purpose(kind)}\n\n{table if rows else ''}"


def purpose(kind: type[msgspec.Struct]) -> str:
    """Return a type's docstring as Markdown, its attributes as a list."""
    first, _, rest = (kind.__doc__ or "").partition("\n")
    text, _, attributes = f"{first}\n{dedent(rest)}".partition("Attributes:\n")
    text = " ".join(text.split())
    named = re.split(r"^    (\w+): ", attributes, flags=re.MULTILINE)[1:]
    items = zip(named[::2], named[1::2], strict=True)
    told = "".join(f"\n- `{name}`: {' '.join(words.split())}" for name, words in items)
    return f"{text}\n{told}" if told else text


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
        case inspect.VarTupleType(item_type=item, min_length=int() as low, max_length=high):
            return f"list of {low if low == high else f'{low} to {high}'}: {describe(item)}"
        case inspect.VarTupleType(item_type=item):
            return f"list of: {describe(item)}"
        case inspect.UnionType(types=types):
            return " or ".join(describe(one) for one in types)
        case inspect.StructType(cls=cls):
            return "parts, by mechanism" if issubclass(cls, Parts) else cls.__name__
    raise TypeError(kind)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
