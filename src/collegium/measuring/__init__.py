"""What a run came to: the quality of its models, compared, attacked, and reported."""
