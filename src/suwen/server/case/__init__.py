"""What the case page shows."""
