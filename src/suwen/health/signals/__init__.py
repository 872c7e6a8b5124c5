"""Recorded signals: files, leads, QRS complexes, quality, variability."""
