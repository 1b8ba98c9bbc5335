"""Whether a registered study begins with the model that its document says."""

from __future__ import annotations

from collections.abc import Callable

from collegium.canonical import from_text
from collegium.errors import FormatError
from collegium.learning.aggregation.next_model import server_named
from collegium.learning.blobs import decode_model
from collegium.learning.first_model import Float32, Verdict, first_model_is
from collegium.ledger.contract.tables import StudyRecord
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.study.document import Study


def beginning_is(
    study: Study,
    registration: StudyRecord,
    fetch: Callable[[bytes], bytes | None],
    *,
    begun: bool,
    own: Callable[[], Float32] | None = None,
) -> Verdict | None:
    """Return what `first_model_is` says of the registered first model; None if it is not here.

    Args:
        study: the document.
        registration: what the ledger has of it.
        fetch: returns the blob of a digest, None if it cannot be had.
        begun: whether rounds have begun, so that the inputs are known.
        own: runs the user's own code.

    Raises:
        PluginError: the registered server step is not installed.
    """
    data = fetch(from_text(registration.initial, DIGEST_SIZE))
    if data is None:
        return None
    try:
        model = decode_model(data)
    except FormatError:
        return "other"
    return first_model_is(study, server_named(registration.server), model, begun=begun, own=own)


class KnownBeginning:
    """What `beginning_is` said of a study's first model: it is asked once for each model."""

    def __init__(self, study: Study, own: Callable[[], Float32] | None = None) -> None:
        self._study, self._own = study, own
        self._known: tuple[str, Verdict] | None = None

    def of(
        self, registration: StudyRecord, fetch: Callable[[bytes], bytes | None], *, begun: bool
    ) -> Verdict | None:
        """Return the verdict; None until the model is here."""
        if self._known is None or self._known[0] != registration.initial:
            verdict = beginning_is(self._study, registration, fetch, begun=begun, own=self._own)
            if verdict is None:
                return None
            self._known = registration.initial, verdict
        return self._known[1]
