"""Running a whole study in one process: everybody's participants, driven and measured."""
