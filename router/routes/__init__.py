"""Routes as they change while the service runs: their thresholds, versioned in the store."""
