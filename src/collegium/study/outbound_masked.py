"""What leaves a site in a study with masked updates, beside or instead of the plain ones."""

from __future__ import annotations

from collegium.study.document import Study
from collegium.study.message import LEDGER, RETIRED, Outbound, Ways
from collegium.study.shielding import bounded
from collegium.study.terms import with_graph


def masked_update(study: Study, ways: Ways, interval: str) -> Outbound:
    """Return what is said of a masked update; `interval` says how often it is sent."""
    secure = study.privacy.secure_aggregation
    asked = None if secure is None else secure.threshold
    among = "neighbours of the site" if with_graph(study) else "members of a round"
    count = f"as many {among} as the threshold says" if asked is None else f"{asked} {among}"
    paper = "Bell et al. 2020" if with_graph(study) else "Bonawitz et al. 2017"
    private = study.privacy.differential_privacy
    leak = "it can leak something about the rows of all sites together"
    if private is not None:
        leak = bounded(private)
    width = "a number of 32 or 64 bits a parameter and two more"
    return Outbound(
        "update",
        "by how much local training moved each parameter of the model, times the site's weight,"
        f" and whether it is saturated or small, under masks: {width},{interval}"
        f" (up to {study.training.rounds})",
        ways.everybody,
        f"masked (secure aggregation, {paper}): nobody sees more than the sum over the"
        f" round's sites, except {count} who act together. The sum itself is public: {leak}",
        RETIRED,
        from_rows=True,
    )


def shared_secrets(study: Study, ways: Ways, interval: str) -> tuple[Outbound, ...]:
    """Return what a site sends beside its masked update, so that the sum can be opened."""
    graph = with_graph(study)
    holders = "every neighbour of the site in the attempt's graph" if graph else (
        "every site of the round"
    )  # fmt: skip
    near = "neighbour" if graph else "site"
    return (
        Outbound(
            "keys for masks and shares",
            f"two fresh public keys{interval} and each attempt",
            ways.everybody, ways.signed, LEDGER,
            from_rows=False,
            transactions=("sa.keys",),
        ),
        Outbound(
            "deal of shares",
            f"for {holders}, a share of each of the two secrets behind the site's"
            f" masks,{interval}; the digest of all that on the ledger",
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
            f" others,{interval}",
            ways.everybody,
            f"{ways.signed}. The ledger takes one share of each site from a member, so"
            " never both kinds",
            LEDGER,
            from_rows=False,
            transactions=("share.post",),
        ),
    )  # fmt: skip
