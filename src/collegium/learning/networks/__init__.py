"""Models that are no chain of layers: convolutions, and what users bring."""
