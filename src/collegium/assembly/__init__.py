"""What every participant is made of, in one process or in a node of its own: rows, parts, terms."""
