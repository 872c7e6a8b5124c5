"""Medical images: reading DICOM and NIfTI, lung nodules, explanations, SR and SEG."""
