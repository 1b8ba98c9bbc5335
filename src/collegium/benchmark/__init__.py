"""Grids of studies, and tables and pages of how they compare."""
