"""`predict`: a released model applied to a table, after checking that it is what it says it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from collegium.audit.bundle import PREPARATION, WEIGHTS, bundle_digest, read_bundle
from collegium.canonical import malformed
from collegium.data.reading import read_cells, read_table
from collegium.data.subgroups import input_columns
from collegium.data.table import Schema, input_names
from collegium.data.tabular.agreed_preparation import decode_agreed
from collegium.data.tabular.applying import Beyond, apply_agreed, in_words
from collegium.data.tabular.preparation import input_schema
from collegium.data.tabular.reading import cells_as_written
from collegium.errors import RunError, reason_of
from collegium.learning.evaluation.attribution import attributions
from collegium.learning.model_choice import model_spec
from collegium.learning.models import ModelSpec, tensors
from collegium.learning.models import predict as scores_of
from collegium.learning.safetensors import read_released
from collegium.release.files import ReleasedModel
from collegium.release.recorded import check_recorded
from collegium.study.document import Model

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """Why rows have their scores: each feature's part, against the reference patient.

    `parts` is float64 [rows, features, outputs] and adds up over features to the score less
    `reference`, the score [outputs] of a patient with every number at the schema's center, every
    category the first and every yes-or-no feature 0.
    """

    features: tuple[str, ...]
    parts: NDArray[np.float64]
    reference: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """What a model says about a table's rows.

    `scores` is float64 [rows, outputs]: the probability of class 1, of each class, of each pixel,
    or the value. `classes` names the class of each row (none for a regression); `bundle` is the
    digest of the released files, hex; `notes` say what was done with gaps, unknown categories and
    odd values. `ids` are the cells of the columns that were kept, as they are written in the table,
    by column. `beyond` tells of each column what training had not, None where the model does not
    know what it had.
    """

    scores: NDArray[np.float64]
    classes: tuple[str, ...]
    schema: Schema
    about: ReleasedModel
    bundle: str
    notes: tuple[str, ...] = ()
    explained: Explained | None = None
    ids: dict[str, tuple[str, ...]] = field(default_factory=dict)
    beyond: tuple[Beyond, ...] | None = None


def predict(
    model: str | Path, table: str | Path, *, digest: str | None = None, any_range: bool = False,
    explain: bool = False, ids: Sequence[str] = (),
) -> Predictions:  # fmt: skip
    """Apply a released model to a table.

    The files are compared with the ledger of the run or home that they lie in, and with their card.

    Args:
        model: the folder ``model/`` of a run, or the run folder itself.
        table: a CSV with the schema's columns.
        digest: the bundle's digest, hex, as the ledger or the model's owner gives it.
        any_range: accept columns most of whose values lie beyond those that sites have; only a
            model of members' own tables knows those.
        explain: say of each row what each feature adds to its score.
        ids: columns that tell whose row it is, and that the model need not know.

    Raises:
        RunError: there is no released model, it is not the one of that digest or on record, or it
            is a segmentation that is to be explained.
        FormatError: its files do not fit together.
        DataError: the table is not what the model's schema asks for.
    """
    folder = Path(model)
    if not (folder / "model.json").is_file() and (folder / "model" / "model.json").is_file():
        folder = folder / "model"
    try:
        files = read_bundle(folder)
    except OSError as error:
        raise RunError(
            "model.unreadable", f"{folder} is not a released model", reason_of(error),
            "name the folder model/ of a finished run",
        ) from error  # fmt: skip
    bundle = bundle_digest(files).hex()
    if digest is not None and digest.lower() != bundle:
        raise RunError(
            "model.other", f"{folder} is not the model that was asked for",
            f"its digest is {bundle}", "obtain the released folder again from its owner",
        )  # fmt: skip
    about = _part(files, "model.json", ReleasedModel)
    schema = _part(files, "schema.json", Schema)
    names, parameters = read_released(_file(files, WEIGHTS))
    plain = Model(architecture=about.architecture, hidden=about.hidden)
    settings = plain if about.network is msgspec.UNSET else about.network
    unit = None if about.target_unit is msgspec.UNSET else about.target_unit
    spec = replace(model_spec(settings, schema), unit=unit)
    if names != tensors(spec) or about.inputs != input_names(schema):
        raise malformed("the released model", "its weights, model.json and schema do not agree")
    notes = check_recorded(folder, files, about)
    given = _inputs(files, schema, Path(table), ids, any_range=any_range)
    x, notes = given.x, notes + given.notes
    scores = scores_of(spec, parameters, x)
    classes = _classes(schema, scores, about.threshold)
    if explain and schema.task == "segmentation":
        raise RunError(
            "model.no-explanation", "a segmentation is not explained feature by feature",
            "each of its pixels would have a part for each pixel of the image", "leave explain out",
        )  # fmt: skip
    explained = _explained(spec, parameters, schema, x) if explain else None
    return Predictions(
        scores, classes, schema, about, bundle, notes, explained, given.ids, given.beyond
    )


def _explained(
    spec: ModelSpec, parameters: NDArray[np.float32], schema: Schema, x: NDArray[np.float32]
) -> Explained:
    columns = input_columns(schema)
    reference = np.zeros(x.shape[1], np.float32)

    def score(rows: NDArray[np.float32]) -> NDArray[np.float64]:
        return scores_of(spec, parameters, rows)

    return Explained(
        features=tuple(columns),
        parts=attributions(score, x, reference, tuple(columns.values())),
        reference=score(reference[None])[0],
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Given:
    """A table as a model's inputs, float32 [rows, inputs], and what its reader should know."""

    x: NDArray[np.float32]
    notes: tuple[str, ...]
    ids: dict[str, tuple[str, ...]]
    beyond: tuple[Beyond, ...] | None


def _inputs(
    files: dict[str, bytes], schema: Schema, table: Path, ids: Sequence[str], *, any_range: bool
) -> _Given:
    if PREPARATION not in files:
        x = read_table(table, schema, tuple(ids))
        cells = read_cells(table, schema, tuple(ids)) if ids else None
        kept = {name: tuple(cell for _, cell in cells.of(name)) for name in ids} if cells else {}
        return _Given(x, (_UNKNOWN_RANGES, *_about_ids(kept)), kept, None)
    agreement = decode_agreed(files[PREPARATION])
    if input_schema(agreement) != schema:
        raise malformed("the released model", "its preparation and its schema do not agree")
    kept = cells_as_written(table, ids, by_row=agreement.step == 0)
    applied = apply_agreed(table, agreement, any_range=any_range, aside=ids)
    notes = (*applied.notes, *in_words(applied.beyond), *_about_ids(kept))
    return _Given(applied.x, notes, kept, applied.beyond)


_UNKNOWN_RANGES = (
    "the model does not know which values its training rows had: whether these lie within them was"
    " not checked"
)


def _about_ids(kept: dict[str, tuple[str, ...]]) -> list[str]:
    """Tell of IDs by which predictions cannot be joined to one row each."""
    told = []
    for name, cells in kept.items():
        again = len(cells) - len(set(cells))
        if again:
            have = "row has" if again == 1 else "rows have"
            told.append(f"{again} {have} the {name} of another one: a join by it repeats them")
    return told


def _classes(schema: Schema, scores: NDArray[np.float64], threshold: float) -> tuple[str, ...]:
    if not schema.classes:
        return ()
    chosen = (
        (scores[:, 0] >= threshold).astype(int)
        if schema.task == "binary"
        else scores.argmax(axis=1)
    )
    return tuple(schema.classes[index] for index in chosen)


def _file(files: dict[str, bytes], name: str) -> bytes:
    data = files.get(name)
    if data is None:
        raise RunError(
            "model.unreadable", "this is not a released model", f"{name} is missing",
            "name the folder model/ of a finished run",
        )  # fmt: skip
    return data


def _part(files: dict[str, bytes], name: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(_file(files, name), type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise malformed(f"the released model's {name}", str(error)) from error
