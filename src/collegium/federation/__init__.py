"""Participants: each looks at the ledger's state and does what is missing from it."""
