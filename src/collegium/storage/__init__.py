"""Blobs that a consortium shares: an object store under a URL, and a member's way to it."""
