"""The note of a visit in the store."""
