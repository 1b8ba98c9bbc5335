"""Groups: masked updates are summed in groups, whose means a robust rule reduces."""
