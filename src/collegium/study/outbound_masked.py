"""What leaves a site in a study whose updates are hidden, beside or instead of the plain ones."""

from __future__ import annotations

from dataclasses import replace

from collegium.study.design import hiding_design
from collegium.study.document import Study
from collegium.study.message import EVERY_ROUND, LEDGER, RETIRED, Outbound, Recipients
from collegium.study.terms import with_graph


def hidden_update(study: Study, ways: Recipients, message: Outbound) -> Outbound:
    """Return what is said of a masked or encrypted update, of which `message` says what it was."""
    secure, design = study.privacy.secure_aggregation, hiding_design(study)
    if design is None or design.update is None:
        return message
    asked = None if secure is None else secure.threshold
    among = "neighbours of the site" if with_graph(study) else "members of a round"
    count = f"as many {among} as the threshold says" if asked is None else f"{asked} {among}"
    leak = message.protection or "it can leak something about the rows of all sites together"
    return design.update(study, ways, message, count, leak)


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


def counted_rows(study: Study, ways: Recipients) -> tuple[Outbound, ...]:
    """Return what a site counts of its test rows for a sum over all sites, where it does."""
    secure, private = study.privacy.secure_aggregation, study.privacy.differential_privacy
    if secure is None or private is not None:
        return ()
    return (
        Outbound(
            "counts of test rows",
            "of a binary task, once, of the final model: how many test rows of each class have a"
            " score in each of 1,024 bins and are called positive; rows, positive rows and the sum"
            " of scores in ten bins; the sums of squared errors and of log losses, all under masks:"
            " 2,086 numbers of 64 bits",
            ways.everybody,
            "masked (secure aggregation among all sites): only the sum over the sites is "
            "visible, except to a coalition as large as the sum's threshold. The sum is public "
            "and exact, and can show that some site has a single row in a bin. The figures that "
            "validators sign leave out cells under 10 rows and what they would follow from",
            RETIRED,
            from_rows=True,
        ),
    )  # fmt: skip


def point(study: Study) -> str:
    """Return what a site's commitment says of what it masks, where the study asks for that."""
    secure = study.privacy.secure_aggregation
    if secure is None or secure.sum_check is None:
        return ""
    return (
        ", and a Pedersen commitment to the vector under the mask, which reveals nothing about it"
    )
