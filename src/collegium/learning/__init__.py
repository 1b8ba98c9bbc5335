"""Layer 3 of the review: models, trainers, encoding, aggregation and evaluation."""
