"""The `log` engine: one sequencer orders, every member replays and cosigns; decision 0012."""
