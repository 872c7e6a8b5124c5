"""Names and places in English text."""
