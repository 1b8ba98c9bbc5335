"""The study document: what is asked, of whose data, under which rules."""
