"""A whole consortium of real processes on one machine: for trials, demonstrations and tests."""
