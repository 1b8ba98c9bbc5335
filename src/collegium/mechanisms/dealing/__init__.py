"""Dealing: fresh keys, and shares of secrets among those who may open a sum."""
