"""Nouns, errors, units, clinical codes, settings and the registry: what every room speaks."""
