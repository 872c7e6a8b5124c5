"""FHIR R4 at the door of the store."""
