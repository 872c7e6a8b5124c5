"""Glucose in the next two hours, and the alarms before it is low or high."""
