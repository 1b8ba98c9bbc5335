"""Exact reductions over participants: integers in, integers out, no training library."""
