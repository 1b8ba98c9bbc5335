"""What a study's document says of encrypted updates: what is refused, and what is sent."""

from __future__ import annotations

from dataclasses import replace

from collegium.mechanisms.threshold_he.terms import LARGEST_ENCRYPTED
from collegium.study.design import Design, Facts
from collegium.study.document import Study
from collegium.study.message import EVERY_ROUND, LEDGER, Outbound, Recipients
from collegium.study.refusal import Refusal
from collegium.study.secagg_checks import PLACE
from collegium.study.terms import sites_per_round


def _uses(study: Study, facts: Facts) -> bool:
    """Return whether the document names this protocol."""
    secure = study.privacy.secure_aggregation
    return secure is not None and secure.protocol == "threshold_he"


def _check_sites(study: Study, sites: int) -> None:
    drawn = sites_per_round(study, sites)
    if _uses(study, Facts()) and drawn > LARGEST_ENCRYPTED:
        raise Refusal(
            PLACE, "study.circle",
            f"{drawn} sites of a round would encrypt",
            f"sums of ciphertexts have room for the noise of {LARGEST_ENCRYPTED}, and each site"
            " deals its key to all others",
            'choose a lower training.client_fraction, or protocol = "secagg"',
        )  # fmt: skip


def _update(study: Study, ways: Recipients, message: Outbound, count: str, leak: str) -> Outbound:
    return replace(
        message,
        contents=f"{message.contents}, times the site's weight, and whether it is saturated or"
        " small, encrypted: 12 bytes a parameter and two more, in steps of 4096 of them",
        to=ways.everybody,
        protection="encrypted under a key of the site's own for this attempt (learning with errors"
        " over rings, 128 bits of security): nobody sees more than the sum over the round's sites,"
        f" except {count} who act together. The sum itself is public: {leak}",
    )


def _messages(study: Study, ways: Recipients, sender: str) -> tuple[Outbound, ...]:
    """Return what a site sends beside its encrypted update, so that the sum can be opened."""
    return (
        Outbound(
            "keys for dealing",
            f"two fresh public keys{EVERY_ROUND} and each attempt",
            ways.everybody, ways.signed, LEDGER,
            from_rows=False,
            transactions=("sa.keys",),
        ),
        Outbound(
            "deal of a key",
            "for every site of the round, a share of the key that encrypts the site's update,"
            f"{EVERY_ROUND}; a proof that all shares are of one key; the digest of that on the"
            " ledger",
            "each share: the one site that it is for; the whole as it is encrypted:"
            f" {ways.everybody}",
            f"each share is encrypted to its site's fresh key (X25519); {ways.signed}. Fewer sites"
            " together than the threshold learn nothing of a key, from the proof neither",
            LEDGER,
            from_rows=False,
            transactions=("sa.deal",),
        ),
        Outbound(
            "share of a sum's key",
            "the sum of the shares that the site was dealt of the keys of all sites whose updates"
            f" are in the sum,{EVERY_ROUND}; its digest on the ledger",
            ways.everybody,
            f"{ways.signed}. With those of the threshold's other members it gives the key of this"
            " one sum, and no site's own",
            LEDGER,
            from_rows=False,
            transactions=("sum.open",),
        ),
    )  # fmt: skip


DESIGN = Design(
    _uses,
    check_sites=_check_sites,
    messages=_messages,
    update=_update,
    subject="encrypted updates do",
    encrypts=True,
    about="homomorphic encryption: a threshold of members can open only the sum",
)
