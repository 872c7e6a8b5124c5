"""Pneumonia on a child's chest X-ray."""
