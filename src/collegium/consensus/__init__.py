"""Consensus protocols as pure machines, and a network that they meet on, in virtual time."""
