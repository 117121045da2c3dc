"""How good a classifier is on outcomes it did not learn from, beside the baselines. Numpy only."""
