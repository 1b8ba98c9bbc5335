"""What leaves a site in a study: every kind of message, said plainly, for ``check --outbound``."""

from __future__ import annotations

from dataclasses import dataclass

from collegium.study.document import Study

_LEDGER = "as long as the ledger: entries are never removed"
_EVERYBODY = "everybody who is given the ledger"
_SIGNED = "signed by the site; not encrypted"


@dataclass(frozen=True, slots=True)
class Outbound:
    """One kind of message.

    Attributes:
        kind: what it is called.
        contents: everything in it, in plain words.
        to: who can read it.
        protection: what keeps others from reading, changing or guessing it.
        kept: for how long, by those who received it.
        from_rows: whether any of it is calculated from patients' rows.
    """

    kind: str
    contents: str
    to: str
    protection: str
    kept: str
    from_rows: bool


def outbound(study: Study) -> tuple[Outbound, ...]:
    """Return every kind of message that one site sends in a study, in the order of sending.

    A site that is no validator does not send those of the validators, which come last. No
    message holds a row or an identifier of a patient.
    """
    return (*_site_messages(study), *_validator_messages(study))


def _site_messages(study: Study) -> tuple[Outbound, ...]:
    by_rows = study.aggregation.weights == "rows"
    weight = "training rows rounded down to two significant binary digits" if by_rows else "1"
    solo = study.consensus.engine == "solo"
    readers = "every validator" + (", and whoever has the run folder" if solo else "")
    protection = study.privacy.protection
    shield = (
        "none: it is plain. A plain update can leak information about the rows behind it, such as"
        " whether a patient's row was among them, the more so with few rows or many parameters"
        if protection == "none"
        else f"{protection!r}; see its documentation for what it hides, and from whom"
    )
    interval = " for every round that the site takes part in"
    return (
        Outbound(
            "acceptance",
            f"digests of the study document and of the code; the aggregation weight ({weight});"
            " one commitment to the snapshot of the site's data and one to its test part",
            _EVERYBODY,
            f"{_SIGNED}. The commitments are keyed: without the key, which stays at the site,"
            " they say nothing, and erasing the key makes that final",
            _LEDGER,
            from_rows=True,
        ),
        Outbound(
            "commitment of an update",
            f"a hash of the update's digest and a random salt,{interval}",
            _EVERYBODY,
            f"{_SIGNED}. The salt keeps the digest unknown until it is revealed",
            _LEDGER,
            from_rows=True,
        ),
        Outbound(
            "reveal of an update",
            "the update's digest, the salt, the largest absolute coordinate and the number of"
            f" saturated coordinates,{interval}",
            _EVERYBODY,
            _SIGNED,
            _LEDGER,
            from_rows=True,
        ),
        Outbound(
            "update",
            "by how much local training moved each parameter of the model: one fixed-point"
            f" number of 16 bits a parameter,{interval} (up to {study.training.rounds})",
            readers,
            shield,
            "as long as the run's blobs are kept: this version retires none",
            from_rows=True,
        ),
        Outbound(
            "evaluation statement",
            "the number of rows in the site's test part (from which the number of all its rows"
            " nearly follows), of correct answers on them, and the metrics of each model that is"
            " evaluated; class counts under 5 and what would reveal them are left out",
            _EVERYBODY,
            f"{_SIGNED}. Nothing is added or hidden beyond the small counts",
            _LEDGER,
            from_rows=True,
        ),
    )


def _validator_messages(study: Study) -> tuple[Outbound, ...]:
    count = study.consensus.validators
    sender = "" if count is None else f" (sent only by the {count} validators)"
    return (
        Outbound(
            "availability of updates",
            f"for each participant of a round, whether its update arrived well-formed{sender}",
            _EVERYBODY,
            _SIGNED,
            _LEDGER,
            from_rows=False,
        ),
        Outbound(
            "vote",
            "the digest of the recomputed model, or that it could not be computed and a code"
            f" for why{sender}",
            _EVERYBODY,
            _SIGNED,
            _LEDGER,
            from_rows=True,
        ),
        Outbound(
            "time-out",
            f"that the site has waited long enough for a phase of a round{sender}",
            _EVERYBODY,
            _SIGNED,
            _LEDGER,
            from_rows=False,
        ),
        Outbound(
            "model",
            "the parameters of the model after a round, recomputed from all updates, and the"
            f" server optimizer's state{sender}",
            _EVERYBODY,
            "its digest is on the ledger; not encrypted. A model can leak something about the"
            " rows of all sites together",
            "as long as the run's blobs are kept",
            from_rows=True,
        ),
    )
