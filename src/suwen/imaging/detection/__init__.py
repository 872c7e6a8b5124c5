"""Nodules searched for on slices and whole chest CTs."""
