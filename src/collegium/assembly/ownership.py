"""What a study's owner says on the ledger: the terms it registers, and the model it releases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collegium.assembly.parts import Parts
from collegium.audit.bundle import bundle_digest
from collegium.canonical import from_text
from collegium.data.tabular.agreed_preparation import encode_agreed
from collegium.errors import FormatError, StudyError
from collegium.federation.owner import InitialModel, Registration
from collegium.federation.view import StudyView
from collegium.learning.algorithms.layout import starting_vector, study_tensors
from collegium.learning.blobs import ModelState, digest, encode_model
from collegium.learning.evaluation.statement import Statement, decode_statement
from collegium.learning.evaluation.tally import layout_of
from collegium.learning.first_model import NO_INPUTS
from collegium.learning.models import tensors
from collegium.learning.server import initial_state
from collegium.ledger.hashing import DIGEST_SIZE
from collegium.release.files import Origin, bundle_files, write_bundle
from collegium.study.terms import agrees_by_statistics

PLAIN, SCORED = "plain@1", "scored@1"
"""The designs of a round in which validators see single updates, and of one where they score."""

Fetch = Callable[[bytes], bytes | None]
"""Returns the blob of a digest, or None where it cannot be had."""


def registration_of(parts: Parts, sites: Sequence[str], code: bytes) -> Registration:
    """Return the terms under which a study is registered, with its first model.

    Args:
        parts: of the study.
        sites: ids of the members that hold its data, sorted.
        code: the digest of the code that the owner runs.
    """
    study = parts.study
    if agrees_by_statistics(study):  # its inputs are not agreed on yet
        initial = initial_state(
            NO_INPUTS, np.zeros(1, np.float32), parts.server, study.aggregation.server
        )
    else:
        initial = first_model(parts)
    return Registration(
        code=code, initial=initial, rule=parts.rule.name, server=parts.server.name,
        sites=tuple(sites), evaluation=layout_of(parts.dataset.schema.task),
    )  # fmt: skip


def first_model(parts: Parts) -> ModelState:
    """Return the model of a study's first round.

    Raises:
        StudyError: the document names a first model, and its weights are not at hand.
    """
    study, spec = parts.study, parts.spec
    if study.model.first is not None and parts.first is None:
        raise StudyError(
            "model.first", "the first model is not at hand", "only its digest is in the document",
            "put its weights beside the study's file",
        )  # fmt: skip
    parameters = starting_vector(spec, study, parts.first)
    return initial_state(
        study_tensors(spec, study), parameters, parts.server, study.aggregation.server
    )


def beginning_of(parts: Parts) -> InitialModel | None:
    """Return with which model a study of tables begins, or None before its sites have agreed.

    Where its document describes the columns, it begins with the model that it is registered with.
    """
    if parts.agreement is None or not agrees_by_statistics(parts.study):
        return None
    return InitialModel(digest(encode_agreed(parts.agreement)), first_model(parts))


def releaser(
    parts: Parts, look: Callable[[], StudyView], fetch: Fetch, folder: Path
) -> Callable[[bytes, ModelState], bytes]:
    """Return what releases a study's final model into a folder, and answers with its digest.

    Args:
        parts: of the study.
        look: what the ledger says about the study now.
        fetch: for the sites' statements, which the model's card quotes.
        folder: where the released files are written.
    """

    def release(model: bytes, state: ModelState) -> bytes:
        files = bundle_files(_origin(parts), model, state, statements(look(), fetch))
        write_bundle(folder, files)
        return bundle_digest(files)

    return release


def model_writer(parts: Parts, folder: Path) -> Callable[[NDArray[np.float32]], None]:
    """Return what writes a site's own model, float32 [d], into a folder of its home."""

    def keep(parameters: NDArray[np.float32]) -> None:
        state = ModelState(tensors(parts.spec), parameters, "personal@1", 0, ())
        write_bundle(folder, bundle_files(_origin(parts), digest(encode_model(state)), state, {}))

    return keep


def _origin(parts: Parts) -> Origin:
    return Origin(parts.study, parts.dataset, parts.spec, parts.agreement)


def statements(view: StudyView, fetch: Fetch) -> dict[str, Statement]:
    """Return the statements that sites have posted about the final model, by site."""
    found = {}
    for name in view.registration.sites if view.registration else ():
        record = view.evaluation(name)
        if record is None:
            continue
        data = fetch(from_text(record.federated, DIGEST_SIZE))
        if data is not None:
            try:
                found[name] = decode_statement(data)
            except FormatError:
                continue
    return found
