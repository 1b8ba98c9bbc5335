"""Whose presence differential privacy hides: what one unit is, and what follows from that."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # documents and transactions are read without NumPy
    import numpy as np
    from numpy.typing import NDArray

UnitName = Literal["patient", "record", "client"]


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of privacy.

    Attributes:
        name: as documents and registrations have it.
        whose: what one unit is.
        plural: what several are called.
        given: how a certain one is spoken of.
        of_rows: returns the unit of each row, int64 [rows], from the rows' persons.
        mechanisms: what protects it, as documents name that; the usual one first.
        in_training: whether it is protected in every step of training (DP-SGD), and not by clip and
            noise on the finished update. The latter are made for an update's encoding as it is.
        withholds: whether a site tells nothing else of its rows: neither its size, nor how good a
            model is on its test part, because that would be about a single unit.
        whole_site: whether it is all that a site has.
    """

    name: UnitName
    whose: str
    plural: str
    given: str
    of_rows: Callable[[NDArray[np.int64]], NDArray[np.int64]]
    mechanisms: tuple[str, ...] = ("dp_sgd",)
    in_training: bool = True
    withholds: bool = False
    whole_site: bool = False


PersonOr = Literal["patient", "record", "client", "person"]
"""A unit, or one person in studies that protect units of more than one kind, or whole sites."""

UNITS: dict[UnitName, Unit] = {
    "patient": Unit(
        "patient", "all rows of one patient at one site", "patients", "a given patient",
        lambda person: person,
    ),
    "record": Unit(
        "record", "one row at one site", "rows", "a given row",
        lambda person: (person * 0 + 1).cumsum() - 1,
    ),
    "client": Unit(
        "client", "all rows of one site", "sites", "a given site",
        lambda person: person * 0, mechanisms=("local", "central"),
        in_training=False, withholds=True, whole_site=True,
    ),
}  # fmt: skip


def borne_by(units: Collection[UnitName]) -> PersonOr:
    """Return who bears the losses of studies that protect such units, of one site's persons.

    A person with a single row is both a patient and a record. One with several rows loses more by
    studies that protect records.
    """
    kinds = set(units)
    only = next(iter(kinds)) if len(kinds) == 1 else None
    return "person" if only is None or UNITS[only].whole_site else only
