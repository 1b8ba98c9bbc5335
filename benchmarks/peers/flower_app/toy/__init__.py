"""A toy job for Flower's deployment engine."""
