"""Answers that are kept for a while, sealed: the first one to each Idempotency-Key, and a route's cache."""
