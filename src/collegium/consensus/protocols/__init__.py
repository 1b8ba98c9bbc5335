"""The protocols that come with Collegium, a file each."""
