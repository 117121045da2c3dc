"""What a call costs: exact integers, a price book with sources, token estimates."""
