"""Alerts, their rules and wards in the store."""
