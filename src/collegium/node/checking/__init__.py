"""What ``collegium node check`` looks at: what could keep a node from its work."""
