"""Changed inputs, and what they do to answers."""
