"""NEWS2 and qSOFA from the newest vital signs."""
