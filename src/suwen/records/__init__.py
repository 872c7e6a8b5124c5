"""Records: the store, its blobs and keys, the access policy and the decision log. The only SQL.

    with Store.open(settings()) as store:
        access = store.session(Person("dr-li", "Li Na", "clinician"), "treatment")
        patient = access.new_patient([("urn:mrn", number)])
        records = access.put(resources, patient)        # FHIR dicts, Finding and Report nouns
        sha256 = access.put_blob(patient, data, "text/plain")
        case = access.case(patient)

Ids are the store's own: use the references of the Records that `put` returns, or pass the given id
with the patient (`access.read("Observation/hr-1", patient)`, `access.read(f"Report/{report.id}",
patient)`). References between resources of one patient are rewritten alike.
"""

from suwen.records.access import Access
from suwen.records.acts import Entry, Version
from suwen.records.administration import Administration, Glass
from suwen.records.chain import Verification, verify_file
from suwen.records.documents import finding_of, report_of
from suwen.records.log import Log
from suwen.records.people import Person
from suwen.records.store import Store
from suwen.records.summary import PatientSummary

__all__ = [
    "Access",
    "Administration",
    "Entry",
    "Glass",
    "Log",
    "PatientSummary",
    "Person",
    "Store",
    "Verification",
    "Version",
    "finding_of",
    "report_of",
    "verify_file",
]
