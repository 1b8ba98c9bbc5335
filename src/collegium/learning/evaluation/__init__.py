"""How good a model is, how sure of that one can be, and what of it a site may tell others."""
