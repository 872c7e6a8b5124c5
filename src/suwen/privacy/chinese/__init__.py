"""Names and places in Chinese text."""
