"""The report: one page for a clinician and for an engineer, from a run folder alone."""
