"""From outcome files to a threshold for a route: what is usable, what it comes to, and where it holds."""
