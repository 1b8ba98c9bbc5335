"""HTTPS between members and the sequencer: one port, asked by members, who never listen."""
