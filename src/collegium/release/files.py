"""The released model: a folder that says what the model is, is for, and was made of.

Everything in it is a function of the study, the final model and the sites' signed statements, so
its one digest can stand on the ledger and anybody can compare.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from pathlib import Path

import msgspec

from collegium.audit.bundle import PREPARATION, WEIGHTS
from collegium.data.table import DataSet, input_names
from collegium.data.tabular.agreed_preparation import REASONS, AgreedPreparation, encode_agreed
from collegium.learning.blobs import ModelState
from collegium.learning.evaluation.statement import Statement
from collegium.learning.models import ModelSpec
from collegium.learning.safetensors import released_bytes
from collegium.study.canonical import digest as study_digest
from collegium.study.document import Architecture, Model, Study


class ReleasedModel(msgspec.Struct, frozen=True, kw_only=True):
    """``model.json``: how to apply the weights, and where they come from.

    `network` is the whole ``[model]`` of a network that its hidden layers do not describe.
    `target_unit` are a number's mean and spread: the value is mean + spread · the last output.
    """

    architecture: Architecture
    hidden: tuple[int, ...]
    inputs: tuple[str, ...]
    model: str
    network: Model | msgspec.UnsetType = msgspec.UNSET
    study: str
    study_id: str
    target_unit: tuple[float, float] | msgspec.UnsetType = msgspec.UNSET
    task: str
    threshold: float
    version: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """What a model to be released was made from: a study, what its data are, and its model.

    `agreement` says how tables of the sites' own are prepared; None where the data are registered.
    """

    study: Study
    dataset: DataSet
    spec: ModelSpec
    agreement: AgreedPreparation | None


def bundle_files(
    origin: Origin, digest: bytes, model: ModelState, statements: Mapping[str, Statement]
) -> dict[str, bytes]:
    """Return the files of a released model by name.

    Args:
        origin: what it was made from.
        digest: the final model's digest.
        model: the final model.
        statements: the sites' statements about it.
    """
    study, schema = origin.study, origin.dataset.schema
    about = ReleasedModel(
        architecture=study.model.architecture,
        hidden=study.model.hidden,
        inputs=input_names(schema),
        model=digest.hex(),
        network=study.model if origin.spec.network is not None else msgspec.UNSET,
        study=study_digest(study),
        study_id=study.study.id,
        target_unit=msgspec.UNSET if origin.spec.unit is None else origin.spec.unit,
        task=schema.task,
        threshold=study.evaluation.threshold,
    )
    prepared = {} if origin.agreement is None else {PREPARATION: encode_agreed(origin.agreement)}
    weights = released_bytes(model)
    return {
        **prepared,
        WEIGHTS: weights,
        "model.json": _json(about),
        "schema.json": _json(schema),
        "card.md": _card(origin, about, weights, statements).encode(),
    }


def write_bundle(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a bundle's files, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        partial = folder / f".{name}"
        partial.write_bytes(data)
        partial.replace(folder / name)


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def _card(
    origin: Origin, about: ReleasedModel, weights: bytes, statements: Mapping[str, Statement]
) -> str:
    study, dataset = origin.study, origin.dataset
    lines = [
        f"# {_one_line(study.study.title)}",
        "",
        f"**Question.** {_one_line(study.study.question)}",
        "",
        "**Not for clinical use.** A research model; no regulator has assessed it.",
        "",
        f"- Model: {about.architecture}, {len(about.inputs)} inputs, digest `{about.model}`",
        f"- Weights: SHA-256 `{sha256(weights).hexdigest()}` of {WEIGHTS}",
        f"- Study: `{about.study_id}`, document digest `{about.study}`",
        f"- Data: {_one_line(f'{dataset.title}; {dataset.license}. {dataset.citation}')}",
        f"- Inputs: {_one_line(', '.join(about.inputs))}",
        f"- Preparation: {_one_line(_preparation(origin))}",
        *([f"- Decision threshold: {about.threshold}"] if about.task == "binary" else []),
        "",
        "## Quality, as each site signed it for its own test part",
        "",
        "| site | rows | values |",
        "|---|---|---|",
    ]
    for site, statement in statements.items():
        told = ", ".join(f"{one.name} {one.value / 1e9:.3f}" for one in statement.values)
        lines.append(f"| {site} | {statement.rows} | {told or 'withheld: too few rows'} |")
    lines += [
        "",
        "Not proven: that the data are real, that training was done as told, that these values "
        "are true. `collegium verify` says what is.",
        "",
    ]
    return "\n".join(lines)


def _one_line(text: str) -> str:
    """Return text as one line that no reader of Markdown takes for markup or HTML."""
    visible = "".join(mark if mark.isprintable() else " " for mark in text)
    return re.sub(r"([\\`*_\[\]#|])", r"\\\1", escape(" ".join(visible.split()), quote=False))


def _unit_of_target(origin: Origin) -> str:
    unit = origin.spec.unit
    return "" if unit is None else f"; the last output times {unit[1]:.6g}, plus {unit[0]:.6g}"


def _preparation(origin: Origin) -> str:
    schema, agreement = origin.dataset.schema, origin.agreement
    if agreement is not None:
        if agreement.step == 0:
            return (
                f"as the study's document describes the columns ({PREPARATION}), with no statistic"
                " of anybody's rows; values beyond a range count as its nearer end; a missing"
                " number as the typical one; another category is"
                f" {'refused' if agreement.unknown == 'refuse' else 'one of its own'}"
                + _unit_of_target(origin)
            )
        left_out = "; ".join(f"{one.name}: {REASONS[one.reason]}" for one in agreement.left_out)
        return (
            f"as the sites agreed from sums over many persons ({PREPARATION}); values beyond"
            f" 8 standard deviations count as 8; a missing number as the median; another category"
            f" is {'refused' if agreement.unknown == 'refuse' else 'one of its own'}"
            + (f"; columns that are not looked at: {left_out}" if left_out else "")
            + _unit_of_target(origin)
        )
    numeric = [
        f"({feature.name} - {feature.center:g}) / {feature.scale:g}"
        for feature in schema.features
        if feature.kind == "numeric"
    ] + [f"log({one.name})" for one in schema.features if one.kind == "exposure"]
    return (
        f"{'; '.join(numeric)}; registered constants, not estimated from rows" if numeric else "-"
    )
