"""Scores: validators try updates on rows of their own; reputations follow from what they say."""
