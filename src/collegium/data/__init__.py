"""Data sets as registered loaders, a user's tables, and how rows fall to sites and to tests."""
