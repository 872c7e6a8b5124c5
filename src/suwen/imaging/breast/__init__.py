"""Breast ultrasound."""
