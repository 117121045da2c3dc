"""Pennyroute: a model routing service that keeps cost low."""

__version__ = "0.1.0"
