"""Adversaries: participants that `run` puts in honest ones' places.

They speak through the same envelopes as everybody else, so whatever they achieve, a real
participant could.
"""
