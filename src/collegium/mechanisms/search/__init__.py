"""Search and early stopping: the least validation loss decides which model is final."""
