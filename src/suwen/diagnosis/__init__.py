"""From findings to a report: composed, reviewed, signed, and written as FHIR, HTML and PDF."""
