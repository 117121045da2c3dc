"""The ledger: what every attempt cost, to the nano-dollar."""
