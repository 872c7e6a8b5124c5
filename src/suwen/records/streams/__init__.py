"""Devices and their readings in the store."""
