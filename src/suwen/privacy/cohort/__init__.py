"""Cohorts in which everyone has others alike."""
