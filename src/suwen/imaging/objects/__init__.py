"""DICOM objects that go out: SR, SEG, key objects, parametric maps."""
