"""DICOM and NIfTI in: instances behind the guard, series, geometry, safety."""
