"""Budgets: what calls may cost in a window of time, held before a call and given back after it."""
