"""Released models: a folder that says what a model is, written by its owner, applied by anybody."""
