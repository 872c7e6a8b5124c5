"""Why: explanations that are checked, and similar examples."""
