"""What leaves a site in a study: every kind of message, said plainly, for ``check --outbound``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from collegium.study.design import designs_of, hiding_design
from collegium.study.document import Study
from collegium.study.message import (
    BETWEEN_MEMBERS,
    BLOBS,
    EVERY_ROUND,
    IN_ONE_PROCESS,
    LEDGER,
    RETIRED,
    Outbound,
    Recipients,
    Telling,
)
from collegium.study.outbound_masked import counted_rows, point
from collegium.study.privacy import follows
from collegium.study.searching import held_out, trials_of
from collegium.study.simulated import is_in_one_process

_OF_SUMS = (
    "A site opens one sum from a starting model and none from it over other members, in whatever"
    " study (policy.toml: repeated_starts). What remains: sums of later rounds start from a model"
    " that has moved little, so wherever other sites take part, or one drops out, their difference"
    " is nearly a single update"
)


def outbound(study: Study, stages: Iterable[Telling]) -> tuple[Outbound, ...]:
    """Return every kind of message that a member sends in a study: as site, validator and owner.

    A site that does not validate sends none of the validators' messages, and only one member is
    the owner. No message holds a row or an identifier of a patient.
    """
    ways = IN_ONE_PROCESS if is_in_one_process(study) else BETWEEN_MEMBERS
    return (
        *_site_messages(study, stages, ways),
        *_messages_of_mechanisms(study, ways),
        *_validator_messages(study, ways), *_owner_messages(study, ways),
        *(_witness_messages(ways) if ways is BETWEEN_MEMBERS else ()),
    )  # fmt: skip


def _site_messages(
    study: Study, stages: Iterable[Telling], ways: Recipients
) -> tuple[Outbound, ...]:
    by_rows = study.aggregation.weights == "rows"
    private = study.privacy.differential_privacy
    weight = "training rows rounded down to two significant binary digits"
    if private is not None:
        weight = (
            f"the number of training {private.protects.plural} with noise of a pure epsilon of"
            f" {0.05 * private.epsilon:g}, rounded down to two significant binary digits"
        )
    weight = weight if by_rows else "1"
    hiding, masked = hiding_design(study), study.privacy.secure_aggregation is not None
    sealed = ways is BETWEEN_MEMBERS and not masked
    also = "" if masked else ", the largest absolute coordinate and the number of saturated ones"
    also += ", the digest of the sealed update" if sealed else ""
    sound = (", and whose deals of shares reached the site" if masked else "") + point(study)
    return (
        Outbound(
            "acceptance",
            f"digests of the study document and of the code; the aggregation weight ({weight});"
            " one commitment to the snapshot of the site's data, training and test part together",
            ways.everybody,
            f"{ways.signed}. The commitment is keyed: without the key, which stays at the site,"
            " it says nothing, and erasing the key makes that final",
            LEDGER,
            from_rows=True,
            transactions=("study.accept",),
        ),
        Outbound(
            "commitment of an update",
            f"a hash of the update's digest and a random salt{sound},{EVERY_ROUND}",
            ways.everybody,
            f"{ways.signed}. The salt keeps the digest unknown until it is revealed",
            LEDGER,
            from_rows=True,
            transactions=("update.commit",),
        ),
        Outbound(
            "reveal of an update",
            f"the update's digest, the salt{also},{EVERY_ROUND}",
            ways.everybody,
            ways.signed,
            LEDGER,
            from_rows=True,
            transactions=("update.reveal",),
        ),
        _update_message(study, stages, ways),
        *(hiding.messages(study, ways, "") if hiding and hiding.messages else ()),
        Outbound(
            "retirement of updates",
            "that updates of a closed study are kept no longer: the site's own, or, from a"
            " validator, a vote for everybody's",
            ways.everybody,
            ways.signed,
            LEDGER,
            from_rows=False,
            transactions=("blob.retire",),
        ),
        Outbound(
            "return to a study",
            "that the member is there again, where the ledger has it as silent in the study",
            ways.everybody,
            ways.signed,
            LEDGER,
            from_rows=False,
            transactions=("member.here",),
        ),
        *counted_rows(study, ways),
        _statement_message(study, ways),
    )


def _update_message(study: Study, stages: Iterable[Telling], ways: Recipients) -> Outbound:
    """Return what is said of an update: what it is of, what each stage says, and how often."""
    what = f"by how much local training moved each parameter {_of_what(study)}"
    message = Outbound("update", what, "", "", RETIRED, from_rows=True)
    for stage in stages:
        message = stage.tell(message, ways)
    if study.privacy.secure_aggregation is not None:
        message = replace(message, protection=f"{message.protection}. {_OF_SUMS}")
    often = f",{EVERY_ROUND} (up to {trials_of(study) * study.training.rounds})"
    return replace(message, contents=message.contents + often)


def _of_what(study: Study) -> str:
    """Return what an update is about."""
    told = ", and its mean loss on rows held out" if held_out(study) is not None else ""
    if study.model.architecture == "autoencoder":
        told = ", and mean and mean square of how far normal rows held out do not come back (log)"
    return f"{_of_which_parameters(study)}{told}"


def _of_which_parameters(study: Study) -> str:
    if study.training.algorithm == "scaffold":
        return "of the model, and its control variate, a mean slope for each of them"
    if study.training.algorithm == "fednova":
        return "of the model, and how many local steps there were (rows over the batch size)"
    if study.personalization is not None and study.personalization.method in ("fedper", "fedbn"):
        return "of the model (zero where it stays at the site)"
    return "of the model"


def _statement_message(study: Study, ways: Recipients) -> Outbound:
    private = study.privacy.differential_privacy
    contents = (
        "the number of rows in the site's test part (from which the number of all its rows"
        " nearly follows), of correct answers on them, and the metrics of each model that is"
        " evaluated; class counts under 5 and what would reveal them are left out"
    )
    if counted_rows(study, ways):
        contents += (
            "; of a binary task everything is but the number of rows, and told in a sum over all"
            " sites alone"
        )
    protection = f"{ways.signed}. Nothing is added or hidden beyond the small counts"
    if private is not None and private.protects.withholds:
        contents = "nothing: that a statement was posted"
        protection = ways.signed
    elif private is not None:
        contents = (
            "metrics of the final model alone, all of them calculated from a table of counts of"
            " the test part with noise: no exact count leaves"
        )
        protection = (
            f"{ways.signed}. Differential privacy: a pure epsilon of {private.epsilon:g} for"
            f" each {private.unit} of the test part"
        )
    return Outbound(
        "evaluation statement", contents, ways.everybody, protection, LEDGER, from_rows=True,
        transactions=("evaluation.post",),
    )  # fmt: skip


def _messages_of_mechanisms(study: Study, ways: Recipients) -> Iterator[Outbound]:
    hiding = hiding_design(study)  # which says its own beside the update
    for design in designs_of(study).values():
        if design.messages is not None and design is not hiding:
            yield from design.messages(study, ways, _of_validators(study))


def _of_validators(study: Study) -> str:
    """Return what is said of messages that validators alone send."""
    count = study.consensus.validators
    return "" if count is None else f" (sent only by the {count} validators)"


def _validator_messages(study: Study, ways: Recipients) -> tuple[Outbound, ...]:
    sender = _of_validators(study)
    masked = study.privacy.secure_aggregation is not None
    told = " and how many updates are saturated or small" if masked else ""
    if follows(study):
        told += " and, with their noise, how many are within the clip"
    chooses = held_out(study) is not None
    loss = ", the mean over the sites of the loss on rows held out" if chooses else ""
    return (
        Outbound(
            "availability of updates",
            f"for each participant of a round, whether its update arrived well-formed{sender}",
            ways.everybody,
            ways.signed,
            LEDGER,
            from_rows=False,
            transactions=("update.available",),
        ),
        Outbound(
            "vote",
            f"the digest of the recomputed model{told}{loss}, or that it could not be computed and"
            " a code"
            f" for why{sender}",
            ways.everybody,
            ways.signed,
            LEDGER,
            from_rows=True,
            transactions=("round.vote",),
        ),
        Outbound(
            "time-out",
            f"that the site has waited long enough for a phase of a round{sender}",
            ways.everybody,
            ways.signed,
            LEDGER,
            from_rows=False,
            transactions=("phase.timeout",),
        ),
        Outbound(
            "model",
            "the parameters of the model after a round, recomputed from all updates, and the"
            f" server optimizer's state{sender}",
            ways.everybody,
            "its digest is on the ledger; not encrypted. A model can leak something about the"
            " rows of all sites together",
            BLOBS,
            from_rows=True,
        ),
        Outbound(
            "end of a study",
            "that a study has nothing left to do, or a vote to give it up in a phase that waits"
            f" for somebody{sender}",
            ways.everybody,
            ways.signed,
            LEDGER,
            from_rows=False,
            transactions=("study.close", "study.abandon"),
        ),
        Outbound(
            "evidence of equivocation",
            "two contradicting messages that one member signed, whole, each of one of the kinds"
            f" in this list{sender}",
            ways.everybody,
            ways.signed,
            LEDGER,
            from_rows=True,
            transactions=("evidence.conflict",),
        ),
        Outbound(
            "change of the membership",
            "that a member is to be admitted (its id, name, public key, roles and voting power),"
            " expelled, or given a new key; and a validator's yes or no to it. Nobody's program"
            " says this by itself",
            ways.everybody,
            ways.signed,
            LEDGER,
            from_rows=False,
            transactions=("member.propose", "member.vote"),
        ),
    )


def _witness_messages(ways: Recipients) -> tuple[Outbound, ...]:
    return (
        Outbound(
            "cosignature",
            "that the member has replayed the ledger up to some entry and found it right, with the"
            " time of day; and 32 random bytes where a member came back from a backup and must find"
            " out from where on it may say so, or waits for what is kept back (sent only by members"
            " with voting power)",
            ways.everybody,
            ways.signed,
            "by the sequencer and the members with the newest checkpoint, and in receipts for ever",
            from_rows=False,
            transactions=("member.return",),
        ),
        Outbound(
            "letter",
            "transactions of this list that were not ordered for ten seconds, once more, and by a"
            " validator that it has seen such ones of others (sent only where the members share a"
            " store that is not the sequencer's)",
            ways.everybody,
            ways.signed,
            "by the shared store until the next letter; as evidence for ever",
            from_rows=False,
        ),
    )


def _owner_messages(study: Study, ways: Recipients) -> tuple[Outbound, ...]:
    owner, whole = " (sent only by the owner)", "the study document, whole"
    if study.data.columns is not None:
        whole += (
            ", with the ranges and categories of the table's columns as its author wrote them (no"
            " statistics of rows are exchanged)"
        )
    return (
        Outbound(
            "registration of the study",
            f"{whole}; the first model, drawn from the seed; digests of both"
            " and of the code; the ids of all sites, and the rules by name and"
            f" version{owner}",
            ways.everybody,
            ways.signed,
            LEDGER,
            from_rows=False,
            transactions=("study.register",),
        ),
        Outbound(
            "released model",
            "the final model's parameters; the names, units, centers and scales of its inputs;"
            " a card with the quality that each site signed for its own test part; a digest of"
            f" all that on the ledger{owner}",
            f"whoever the owner gives it to; its digest: {ways.everybody}",
            "its digest is signed by the owner; not encrypted. A model can leak something about"
            " the rows of all sites together",
            "as long as somebody keeps it; its digest as long as the ledger",
            from_rows=True,
            transactions=("model.release",),
        ),
    )
