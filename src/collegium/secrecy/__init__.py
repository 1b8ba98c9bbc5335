"""Sums of updates that show nothing but the sum: secure aggregation and what it is made of."""
