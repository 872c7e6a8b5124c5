"""Plots of a run, by kind of answer."""
