"""Engines: what puts transactions in order. Each calls the same contract."""
