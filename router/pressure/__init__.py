"""What pushes a route down its ladder: budgets that run low, traffic that rises, models that fail."""
