"""A sample workload of our own writing, to see the service at work."""
