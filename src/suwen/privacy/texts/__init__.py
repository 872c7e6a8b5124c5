"""Texts that identify nobody."""
