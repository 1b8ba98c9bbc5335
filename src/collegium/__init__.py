"""Federated learning for hospital consortia, with a ledger that anybody can verify."""

__version__ = "0.1.0"
