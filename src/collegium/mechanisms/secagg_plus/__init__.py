"""Secure aggregation in a graph: masks among neighbours that are drawn."""
