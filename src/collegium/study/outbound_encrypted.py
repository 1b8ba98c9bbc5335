"""What leaves a site in a study with encrypted updates, beside or instead of the plain ones."""

from __future__ import annotations

from dataclasses import replace

from collegium.study.message import LEDGER, Outbound, Ways


def encrypted_update(message: Outbound, ways: Ways, count: str, leak: str) -> Outbound:
    """Return what is said of an encrypted update.

    Args:
        message: what was said of it before it was encrypted.
        ways: who gets what.
        count: how many members together could decrypt it.
        leak: what the sum can tell.
    """
    return replace(
        message,
        contents=f"{message.contents}, times the site's weight, and whether it is saturated or"
        " small, encrypted: 8 or 12 bytes a parameter and two more, in steps of 2048 or 4096 of"
        " them",
        to=ways.everybody,
        protection="encrypted under a key of the site's own for this attempt (learning with errors"
        " over rings, 128 bits of security): nobody sees more than the sum over the round's sites,"
        f" except {count} who act together. The sum itself is public: {leak}",
    )


def dealt_keys(ways: Ways, interval: str) -> tuple[Outbound, ...]:
    """Return what a site sends beside its encrypted update, so that the sum can be opened."""
    return (
        Outbound(
            "keys for dealing",
            f"two fresh public keys{interval} and each attempt",
            ways.everybody, ways.signed, LEDGER,
            from_rows=False,
            transactions=("sa.keys",),
        ),
        Outbound(
            "deal of a key",
            "for every site of the round, a share of the key that encrypts the site's update,"
            f"{interval}; a proof that all shares are of one key; the digest of that on the ledger",
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
            f" are in the sum,{interval}; its digest on the ledger",
            ways.everybody,
            f"{ways.signed}. With those of the threshold's other members it gives the key of this"
            " one sum, and no site's own",
            LEDGER,
            from_rows=False,
            transactions=("sum.open",),
        ),
    )  # fmt: skip
