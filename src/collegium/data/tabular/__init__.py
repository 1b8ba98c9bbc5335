"""A user's own table: read without code, prepared by what all sites agree on."""
