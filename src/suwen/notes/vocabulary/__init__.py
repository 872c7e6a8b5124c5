"""The names that codes go by."""
