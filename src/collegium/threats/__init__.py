"""Adversaries: participants that `run` puts in honest ones' places, and attacks on privacy.

The former speak through the same envelopes as everybody else, so whatever they achieve, a real
participant could. The latter look at what a study shows, and tell how much of its rows that gives.
"""
