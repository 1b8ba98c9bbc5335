"""Receipts: participants say which updates they saw included, before anybody votes."""
