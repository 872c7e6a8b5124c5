"""Breast cytology."""
