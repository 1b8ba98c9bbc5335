"""The parts that a study names: data description, model, trainer, rule, server step, stages.

No rows of anybody are needed, so a node that holds one site's rows, or none, finds the same parts
as a simulation that holds everybody's.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collegium.assembly.rules import find_rule
from collegium.assembly.tables import described_table
from collegium.data.registered import RegisteredDataSet
from collegium.data.table import DataSet
from collegium.data.tabular.agreed_preparation import AgreedPreparation
from collegium.data.tabular.described_columns import described_preparation
from collegium.data.tabular.preparation import target_unit
from collegium.errors import CollegiumError, PluginError, StudyError
from collegium.federation.stages import Stages, stages_of
from collegium.learning.aggregation.rule import Rule
from collegium.learning.algorithms.personal import own_coordinates
from collegium.learning.model_choice import model_spec
from collegium.learning.models import ModelSpec, tensors
from collegium.learning.safetensors import read_released
from collegium.learning.server import ServerOptimizer
from collegium.learning.trainer import Trainer
from collegium.plugins import find
from collegium.secrecy.secure_sum import SecureSum
from collegium.study.document import Study
from collegium.study.terms import server_optimizer


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """A study and every part that it names. `dataset` says what rows mean; it may hold none.

    `agreement` is what the sites of a study of tables agreed on, or what its document says; `first`
    the first model's parameters, float32 [d], where the document names them and whoever asks has
    them.
    """

    study: Study
    dataset: DataSet
    spec: ModelSpec
    trainer: Trainer
    rule: Rule
    server: ServerOptimizer
    stages: Stages
    secure_sum: SecureSum | None = None
    agreement: AgreedPreparation | None = None
    first: NDArray[np.float32] | None = None


def with_first(parts: Parts, folder: Path | None) -> Parts:
    """Return the parts with the first model's parameters where the document names one.

    Args:
        parts: of the study, whose inputs are known.
        folder: of the study's file, from which the path of the weights is taken.

    Raises:
        StudyError: the weights are not there, are others than named, or of another model.
    """
    named = parts.study.model.first
    if named is None:
        return parts
    here, path = folder or Path(), Path(named.weights)
    for place in (here / path, here.parent / path, path, here / path.name):
        with suppress(OSError):
            data = place.read_bytes()
            break
    else:
        raise _not_first(f"{named.weights} cannot be read", "it lies beside the study's file")
    if sha256(data).hexdigest() != named.digest:
        raise _not_first(f"{named.weights} is another file", f"its SHA-256 is not {named.digest}")
    shapes, values = read_released(data)
    if shapes != tensors(parts.spec):
        raise _not_first(f"{named.weights} is of another model", "its tensors have other shapes")
    return replace(parts, first=values)


def _not_first(what: str, why: str) -> StudyError:
    return StudyError(
        "model.first", f"the first model is not at hand: {what}", why,
        "name the model.safetensors of a released model of this architecture and these inputs",
    )  # fmt: skip


def parts_of_table(study: Study, agreement: AgreedPreparation | None) -> Parts:
    """Return the parts of a study of a table; before anything is agreed, the model has no inputs.

    Nothing need be agreed where the document describes the columns.

    Raises:
        CollegiumError: a part is not installed, or the model does not fit what was agreed.
    """
    source = study.data.source
    if isinstance(source, str):
        raise TypeError("the study names a registered data set")
    agreement = agreement or described_preparation(study)
    dataset = described_table(source, agreement)
    if agreement is not None:
        parts = find_parts(study, dataset)
        spec = replace(parts.spec, unit=target_unit(agreement))
        return replace(parts, spec=spec, agreement=agreement)
    return _parts(study, dataset, ModelSpec((0,), "squared", study.model.l2))


def find_parts(study: Study, dataset: DataSet) -> Parts:
    """Return the parts of a study whose data mean what a data set says.

    Raises:
        CollegiumError: a part is not installed, or the model does not fit the data.
    """
    require = getattr(find("trainers", study.training.trainer), "require", None)
    if require is not None:
        require()
    spec = replace(model_spec(study.model, dataset.schema), unit=dataset.target_unit)
    own_coordinates(tensors(spec), study.personalization)
    return _parts(study, dataset, spec)


def _parts(study: Study, dataset: DataSet, spec: ModelSpec) -> Parts:
    secure = study.privacy.secure_aggregation
    return Parts(
        study=study,
        dataset=dataset,
        spec=spec,
        trainer=find("trainers", study.training.trainer),
        rule=find_rule(study),
        server=find("server_optimizers", server_optimizer(study)),
        stages=stages_of(study),
        secure_sum=None if secure is None else find("secure_sums", secure.protocol),
    )


def described(source: str) -> DataSet:
    """Return what a data set is; a registered one comes without rows, which nobody need have.

    Raises:
        CollegiumError: nothing has that name, or its loader fails.
    """
    found = find("datasets", source)
    return found.described() if isinstance(found, RegisteredDataSet) else load_dataset(source)


def load_dataset(source: str) -> DataSet:
    """Return a registered data set; its loader may be anybody's code, so it may fail in any way.

    What the data set holds is not checked: that is `data.checking.check_dataset`.

    Raises:
        CollegiumError: nothing has that name, or its loader fails.
    """
    load = find("datasets", source)
    try:
        dataset = load()
    except CollegiumError:
        raise
    except Exception as error:
        raise _failed(source, f"{type(error).__name__}: {error}") from error
    if not isinstance(dataset, DataSet):
        raise _failed(source, f"it returns {type(dataset).__name__} instead of a DataSet")
    return dataset


def _failed(source: str, why: str) -> PluginError:
    return PluginError(
        "plugin.failed", f"the data set {source} cannot be loaded", why,
        "repair or reinstall its package",
    )  # fmt: skip
