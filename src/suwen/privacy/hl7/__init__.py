"""HL7 v2 that identifies nobody."""
