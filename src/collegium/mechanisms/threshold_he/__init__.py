"""Threshold encryption: updates add up under keys of which only the sum's is ever opened."""
