"""Running a study in one process: a federation is built from it, driven, measured, released."""
