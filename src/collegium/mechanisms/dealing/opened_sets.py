"""Over which set a member has opened a sum of a round: it opens none over another one.

The ledger says whose sum is to be opened; what opens it goes to whoever orders, who may keep it and
let the ledger tell that nothing was opened. So a member keeps in its outbox for what it has given
something out, before it does, and holds every later attempt at the round against that: whatever
history it is shown, and after a restart. Two sums of the same updates over different sets would
show their difference (docs/decisions/0124).
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from collegium.errors import RunError
from collegium.federation.in_process_blobs import Blobs
from collegium.federation.outbox import OutboxKey, WriteOnce
from collegium.federation.view import StudyView
from collegium.ledger.contract.series import called
from collegium.mechanisms.dealing.opened_deals import shown
from collegium.resolving.attempt import Attempt
from collegium.secrecy.secure_sum import SecureSum


class OpenedSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose sum a member first opened in a round.

    Attributes:
        attempt: in which.
        members: whose vectors are in it: of the member's own group, where there are groups.
        participants: the attempt's, with their weights, as what was said in it is read.
    """

    attempt: int
    members: tuple[str, ...]
    participants: dict[str, int]


def bind(
    key: OutboxKey, outbox: WriteOnce, view: StudyView, member: str, protocol: SecureSum,
    blobs: Blobs,
) -> None:  # fmt: skip
    """Keep whose sum a member is about to open in a round.

    Raises:
        RunError: it has opened another one's.
        LookupError: no round is open.
    """
    here = view.here
    if here is None:
        raise LookupError(view.study)
    inside = _inside(here, member, here.included)
    opened = OpenedSet(here.place.attempt, inside, dict(here.participants))
    first = _decoded(outbox.put(key, msgspec.json.encode(opened)))
    _require(first, inside, view, member, protocol, blobs, exactly=True)


def check(
    key: OutboxKey, outbox: WriteOnce, view: StudyView, member: str, protocol: SecureSum,
    blobs: Blobs,
) -> None:  # fmt: skip
    """Refuse an attempt that can only end in the sum of another set than the member has opened.

    Raises:
        RunError: it lacks somebody whose update is in that sum.
    """
    kept, here = outbox.get(key), view.here
    if kept is not None and here is not None:
        dealt = _inside(here, member, here.deals)
        _require(_decoded(kept), dealt, view, member, protocol, blobs, exactly=False)


def _decoded(kept: bytes) -> OpenedSet:
    return msgspec.json.decode(kept, type=OpenedSet)


def _inside(here: Attempt, member: str, names: Collection[str]) -> tuple[str, ...]:
    circle = here.agreement_of(member).share_holders.keys
    return tuple(sorted(name for name in names if name in circle))


def _require(
    first: OpenedSet, now: tuple[str, ...], view: StudyView, member: str, protocol: SecureSum,
    blobs: Blobs, *, exactly: bool,
) -> None:  # fmt: skip
    more = set(now).difference(first.members) if exactly else set[str]()
    lacking = set(first.members).difference(now)
    lacking -= _cheats(first, lacking, view, protocol, blobs)
    if not (more or lacking):
        return
    raise RunError(
        "sum.other-set",
        f"{member} opens no second sum of {called(view.number)} over another set of sites",
        f"it has opened one of {', '.join(first.members)}, and attempt {view.attempt} is of "
        f"{', '.join(now)}: what the two differ by would show {', '.join(sorted(more | lacking))}",
        "bring the same sites back, or vote to abandon the study; if they were there, whoever "
        "orders may have silenced them",
    )


def _cheats(
    first: OpenedSet, names: Collection[str], view: StudyView, protocol: SecureSum, blobs: Blobs
) -> set[str]:
    """Return who of some dealers is shown to have cheated by what was opened of its deal.

    The ledger's word that a dealer is barred is not enough to leave it out: members could have
    blamed it falsely to have a sum without it.
    """
    attempt = view.attempt_before(first.attempt, first.participants) if names else None
    if attempt is None:
        return set()
    known = {name: attempt.deals[name] for name in names if name in attempt.deals}
    return {
        name
        for name, deal in known.items()
        if shown(protocol, attempt, name, blobs.fetch(deal)) == "cheated"
    }
