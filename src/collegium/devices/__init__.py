"""What machines and links are taken to need: time and joules by tables, as a model of both."""
