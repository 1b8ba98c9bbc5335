"""Another package's mechanism: before they vote, validators say which updates they add up."""
