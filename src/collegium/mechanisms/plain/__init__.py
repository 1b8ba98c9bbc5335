"""Plain updates: validators see each site's update."""
