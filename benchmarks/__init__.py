"""Speed and quality tables against named alternatives, each side by side in one run."""
