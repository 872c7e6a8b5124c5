"""Alerts: rules over sustained windows, dry runs, the watch, and silence."""
