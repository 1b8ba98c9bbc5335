"""What a study's document says of masked updates: when it asks for them, and what is sent."""

from __future__ import annotations

from dataclasses import replace

from collegium.study.design import Design, Facts
from collegium.study.document import Study
from collegium.study.message import EVERY_ROUND, LEDGER, Outbound, Recipients
from collegium.study.terms import group_count


def _uses(study: Study, facts: Facts) -> bool:
    """Return whether the document names this protocol."""
    secure = study.privacy.secure_aggregation
    return secure is not None and secure.protocol == "secagg"


def masked_update(
    study: Study, message: Outbound, ways: Recipients, paper: str, count: str, leak: str
) -> Outbound:
    """Return what is said of a masked update: by which paper, and which coalition sees it."""
    secure = study.privacy.secure_aggregation
    width = "a number of 32 or 64 bits a parameter and two more"
    inside = "the round's sites"
    if secure is not None and secure.groups is not None:
        inside = "the sites of a group drawn at random in the round"
        leak = f"it is opened of each of {secure.groups} groups by itself, and {leak}"
    if secure is not None and secure.sum_check is not None:
        width = "a number of 32 or 64 bits a parameter and eighteen more (of them sixteen for what"
        width += " hides the site's commitment)"
    return replace(
        message,
        contents=f"{message.contents}, times the site's weight, and whether it is saturated or"
        f" small, under masks: {width}",
        to=ways.everybody,
        protection=f"masked (secure aggregation, {paper}): only the sum over {inside} is"
        f" visible, except to a coalition of {count}. The sum is public: {leak}",
    )


def shared_secrets(ways: Recipients, holders: str, near: str) -> tuple[Outbound, ...]:
    """Return what a site sends beside its masked update, so that the sum can be opened."""
    return (
        Outbound(
            "keys for masks and shares",
            f"two fresh public keys{EVERY_ROUND} and each attempt",
            ways.everybody, ways.signed, LEDGER,
            from_rows=False,
            transactions=("sa.keys",),
        ),
        Outbound(
            "deal of shares",
            f"for {holders}, a share of each of the two secrets behind the site's"
            f" masks,{EVERY_ROUND}; the digest of all that on the ledger",
            "each share: the one site that it is for; the whole as it is encrypted:"
            f" {ways.everybody}",
            f"each share is encrypted to its site's fresh key (X25519); {ways.signed}. Fewer sites"
            " together than the threshold learn nothing of a secret",
            LEDGER,
            from_rows=False,
            transactions=("sa.deal",),
        ),
        Outbound(
            "shares that open a sum",
            f"of every {near} whose update is in the sum, a share of what opens its own mask; of"
            f" every {near} that dropped out, a share of what opens its masks with"
            f" others,{EVERY_ROUND}",
            ways.everybody,
            f"{ways.signed}. The ledger takes one share of each site from a member, so"
            " never both kinds",
            LEDGER,
            from_rows=False,
            transactions=("share.post",),
        ),
    )  # fmt: skip


def _update(study: Study, ways: Recipients, message: Outbound, count: str, leak: str) -> Outbound:
    return masked_update(study, message, ways, "Bonawitz et al. 2017", count, leak)


def _messages(study: Study, ways: Recipients, sender: str) -> tuple[Outbound, ...]:
    part = "group" if group_count(study) else "round"
    return shared_secrets(ways, f"every site of the {part}", "site")


DESIGN = Design(
    _uses,
    messages=_messages,
    update=_update,
    about="secure aggregation: only the sum of the updates is visible, also after dropouts",
)
