"""Exact arithmetic that the rules share: Gram matrices, networks, fixed point, directions."""
