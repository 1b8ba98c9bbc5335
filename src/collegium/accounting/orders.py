"""The fixed orders at which Rényi divergences are kept, and the arithmetic that all of this uses.

Everything here is `decimal`: its operations, ln and exp included, are correctly rounded by
specification, so that a charge has the same digits on every machine and in every release. What
is kept is an integer number of billionths, rounded up.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import (
    MAX_EMAX,
    MIN_EMIN,
    ROUND_CEILING,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    localcontext,
)
from typing import Literal

ACCOUNTANT: Literal["rdp@1"] = "rdp@1"
"""The name of these orders, this arithmetic and `conversion`; it never changes its meaning."""

NANO = 10**9
"""Charges are integers in billionths."""

MICRO = 10**6
"""An epsilon on the ledger is an integer in millionths."""


def _grid() -> tuple[Decimal, ...]:
    parts = (
        (1, 8, 24),  # from 1, in steps of 1/8: large epsilons are told at small orders
        (4, 2, 8), (8, 1, 8), (16, Decimal("0.5"), 8), (32, Decimal("0.25"), 8),
        (64, Decimal("0.125"), 8), (128, Decimal("0.0625"), 8),
    )  # fmt: skip
    return tuple(
        start + Decimal(step) / Decimal(share)
        for start, share, steps in parts
        for step in range(1, steps + 1)
    )


ORDERS = _grid()
"""72 orders: by 1/8 up to 4, by 1/2 up to 8, then eight between powers of two, up to 256."""


@contextmanager
def exactly() -> Iterator[None]:
    """Calculate with 40 digits, whatever the caller's decimal context is."""
    context = Context(prec=40, rounding=ROUND_HALF_EVEN, Emin=MIN_EMIN, Emax=MAX_EMAX)
    with localcontext(context):
        yield


def rounded_up(value: Decimal, unit: int) -> int:
    """Return a value in units of 1 / `unit`, rounded up to an integer."""
    return int((value * unit).to_integral_value(ROUND_CEILING))
