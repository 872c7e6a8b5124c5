"""FHIR R4 that identifies nobody."""
