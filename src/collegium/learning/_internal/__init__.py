"""Parts of the learning room that nothing else uses."""
