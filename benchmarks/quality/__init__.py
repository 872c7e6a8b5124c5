"""Quality against named references."""
