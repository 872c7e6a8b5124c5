"""DICOM that identifies nobody."""
