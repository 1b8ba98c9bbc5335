"""Verification by anybody: replay the ledger, recompute the aggregates, say what that proves."""
