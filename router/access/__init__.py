"""Who may do what: API keys, hashed at rest."""
