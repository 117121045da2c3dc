"""Audits: a drawn share of queries is answered by both tiers, so that what small loses can be measured."""
