"""What leaves a site in a study whose updates are hidden, beside or instead of the plain ones."""

from __future__ import annotations

from collegium.study.design import hiding_design
from collegium.study.document import Study
from collegium.study.message import RETIRED, Outbound, Recipients
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
