"""Summed statistics: counts of which only the sum over all sites is known."""
