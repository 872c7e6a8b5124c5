"""Rules as guidelines state them."""
