"""What sites do in a round besides descending, and what they keep from round to round."""
