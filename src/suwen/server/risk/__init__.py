"""What the risk page shows."""
