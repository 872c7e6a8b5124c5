"""What a note names, by networks and lists of names."""
