"""How a study chooses the rows that are tested on."""

from __future__ import annotations

from typing import Literal

from collegium.study.document import Study, TableSource

Way = Literal["person", "time", "row", "published", "latest"]


def way_of_split(study: Study) -> Way | None:
    """Return how test rows are chosen: of a table cut by time, the site's "latest" ones."""
    by = study.data.split.by
    return "latest" if by == "time" and isinstance(study.data.source, TableSource) else by
