"""Recorded traffic through any configuration, calling nobody."""
