"""Secure aggregation: masks among all members, opened by shares."""
