"""A local page over runs, comparisons, nodes and networks: by their files and health."""
