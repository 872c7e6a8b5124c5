"""What records state of a person, and the numbers that publications print."""
