"""Sum check: members commit to what they mask, and the opened sum must fit."""
