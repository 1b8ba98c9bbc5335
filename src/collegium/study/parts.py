"""The parts that a study names: which seam, where in the document, and by what name."""

from __future__ import annotations

from dataclasses import dataclass

from collegium.plugins import Kind, names
from collegium.study.document import Study
from collegium.study.refusal import DocumentPath
from collegium.study.terms import server_optimizer


@dataclass(frozen=True, slots=True)
class NamedPart:
    """A part of the system that a study asks for by name."""

    kind: Kind
    path: DocumentPath
    name: str


def named_parts(study: Study) -> tuple[NamedPart, ...]:
    """Return every part that a study names, in the order of the document's sections."""
    server = server_optimizer(study)
    source = study.data.source
    parts: tuple[NamedPart, ...] = (
        *((NamedPart("datasets", ("data", "source"), source),) if isinstance(source, str) else ()),
        NamedPart("trainers", ("training", "trainer"), study.training.trainer),
        *_parts_of_rule(study.aggregation.rule),
        NamedPart("server_optimizers", ("aggregation", "server", "optimizer"), server),
        NamedPart("stages", ("privacy", "protection"), study.privacy.protection),
        NamedPart("engines", ("consensus", "engine"), study.consensus.engine),
    )
    if study.consensus.protocol is not None:
        part = NamedPart("protocols", ("consensus", "protocol"), study.consensus.protocol)
        parts = (*parts, part)
    secure = study.privacy.secure_aggregation
    if secure is not None:
        place = ("privacy", "secure_aggregation", "protocol")
        parts = (*parts, NamedPart("secure_sums", place, secure.protocol))
    if study.threat is None:
        return parts
    return (*parts, NamedPart("attacks", ("threat", "attack"), study.threat.attack))


def _parts_of_rule(name: str) -> tuple[NamedPart, ...]:
    """Return a rule, or a composed one's pre-aggregations and rule: ``nnm+trimmed_mean``."""
    path = ("aggregation", "rule")
    if name in names("rules"):
        return (NamedPart("rules", path, name),)
    *before, last = name.split("+")
    return (
        *(NamedPart("pre_aggregations", path, one) for one in before),
        NamedPart("rules", path, last),
    )
