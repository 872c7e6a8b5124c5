"""Figures of merit for every kind of answer."""
