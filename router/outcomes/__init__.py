"""Outcomes of one's own traffic: what both tiers' answers were worth on the same query."""
