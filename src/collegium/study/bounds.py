"""The size of what a study document asks for: looked at before anything is computed of it.

`check_study` says whether a study can work. What it calculates on the way, and what follows from a
document for whoever verifies it, takes time and memory that grow with the document's numbers; so
a document from another member comes here first.
"""

from __future__ import annotations

from collegium.study.columns import check_columns
from collegium.study.document import Study
from collegium.study.limits import check_limits
from collegium.study.search_checks import check_trials


def check_bounds(study: Study) -> None:
    """Refuse a document whose numbers are out of range, or that has more trials than there may be.

    It takes time in proportion to the document's length, which is bounded.

    Raises:
        Refusal: as it says.
    """
    check_limits(study)
    check_columns(study)
    if study.search is not None:
        check_trials(study)
