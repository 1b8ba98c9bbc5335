"""Rényi divergence of a mechanism that is known by its pure epsilon alone.

M. Bun and T. Steinke, "Concentrated Differential Privacy: Simplifications, Extensions, and Lower
Bounds", TCC 2016, proposition 3.3: an epsilon-DP release has divergence at most a epsilon² / 2 at
order a, and at most epsilon at any order.
"""

from __future__ import annotations

from decimal import Decimal

from collegium.accounting.orders import ORDERS, exactly


def pure_rdp(epsilon: Decimal) -> tuple[Decimal, ...]:
    """Return the divergence of one release of a pure epsilon at each of `ORDERS`."""
    with exactly():
        return tuple(min(epsilon, order * epsilon * epsilon / 2) for order in ORDERS)
