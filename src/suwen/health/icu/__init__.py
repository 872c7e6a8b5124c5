"""Two days of a stay in intensive care, and death in the hospital after it."""
