"""A study as an attack on privacy looks at it: what is trained, how, and on whose rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collegium.data.table import Schema, SiteRows
from collegium.learning.models import ModelSpec
from collegium.study.document import Study


@dataclass(frozen=True, slots=True, eq=False)
class Victim:
    """What an attack on a study's privacy is told; `train` holds each site's training rows."""

    study: Study
    schema: Schema
    spec: ModelSpec
    train: Mapping[str, SiteRows]
