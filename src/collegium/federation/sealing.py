"""Sealing updates to a round's validators, and what a reveal names.

docs/spec/9-sealed-updates.md and docs/decisions/0013. A site that seals publishes the sealed blob
alone; its update stays in its outbox.
"""

from __future__ import annotations

from hashlib import sha256

from collegium.canonical import malformed
from collegium.federation.identity import Identity
from collegium.federation.in_process_blobs import Blobs
from collegium.federation.outbox import OutboxKey, WriteOnce
from collegium.federation.view import StudyView
from collegium.ledger.contract.tables import RevealRecord
from collegium.ledger.keys import KEY_SIZE
from collegium.ledger.sealing import Context, recipients_of, seal
from collegium.resolving.attempt import blob_of


def sealed_update(identity: Identity, outbox: WriteOnce, view: StudyView, update: bytes) -> bytes:
    """Return a site's update sealed for the open attempt, the same bytes whenever it is asked.

    Everything in it follows from the update, the node's secret, and to whom it is sealed. That
    may have changed since, so it is kept in the outbox.

    Args:
        identity: the site's.
        outbox: the site's.
        view: the ledger's word; an attempt is open.
        update: the update's blob.
    """
    key = OutboxKey(identity.genesis, "recipients", view.study, view.number, view.attempt)
    keys = outbox.get(key) or outbox.put(key, b"".join(sorted(view.recipients.values())))
    recipients = [keys[at : at + KEY_SIZE] for at in range(0, len(keys), KEY_SIZE)]
    digest = sha256(update).digest()
    seed = identity.seed(view.study, view.number, view.attempt, digest)
    context = Context(
        identity.genesis, view.study, view.number, view.attempt, identity.member, digest
    )
    return seal(update, context, seed, recipients)


def check_recipients(blobs: Blobs, view: StudyView, reveal: RevealRecord) -> None:
    """Check that an update of the open attempt is sealed to whom the ledger says, if it is sealed.

    Raises:
        FormatError: it is sealed to other keys.
    """
    data = blobs.fetch(blob_of(reveal)) if isinstance(reveal.sealed, str) else None
    if data is not None and recipients_of(data) != tuple(sorted(view.recipients.values())):
        raise malformed("a sealed update", "it is sealed to other keys than the ledger fixed")
