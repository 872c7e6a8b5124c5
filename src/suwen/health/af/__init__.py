"""Atrial fibrillation: the task on strips, and long recordings searched for it."""
