"""Compression: updates of some coordinates, the same at every site, drawn anew each round."""
