"""What a person at home sees."""
