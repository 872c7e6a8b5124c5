"""De-identification of notes, DICOM, FHIR, HL7 v2 and tables: data that identify nobody."""
