"""What is said of each mention: there, denied, possible; when; whose."""
