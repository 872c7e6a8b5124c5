"""Whatever a program sends, the API answers as it promised, and never with a mistake of its own."""

from __future__ import annotations

from typing import Any

import scene
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from suwen.server.app import create_app

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)
EXAMPLES = 8
bounded = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def fuzz(operation: Any, patient: str, headers: dict[str, str]) -> set[int]:
    """Send generated requests to one operation; return the statuses it answered with."""
    statuses: set[int] = set()

    @bounded
    @given(case=operation.as_strategy())
    def promises(case: schemathesis.Case) -> None:
        for part in (case.path_parameters, case.query):
            if isinstance(part, dict) and "patient" in part:
                part["patient"] = patient
        answer = case.call(headers=headers)
        statuses.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    promises()
    return statuses


def test_the_api_keeps_its_promises_whatever_is_sent(fresh: scene.Clinic, questions) -> None:
    app = create_app(fresh.store, fresh.settings, fresh.jobs, fresh.run)
    headers = {"Authorization": f"Bearer {app.state.bench.sessions.begin(scene.CLINICIAN)}"}
    schema = schemathesis.openapi.from_asgi("/openapi.json", app).exclude(operation_id="sign_out")
    seen = {
        operation.label: fuzz(operation, fresh.patient, headers)
        for operation in (result.ok() for result in schema.get_all_operations())
    }
    assert len(seen) >= 17
    assert all(status < 500 for statuses in seen.values() for status in statuses)
    assert seen["GET /api/cases/{patient}"] == {200}
    assert seen["POST /api/tasks/toy.crp_tomorrow"] & {403, 422}
    assert 401 in seen["POST /api/sign-in"]
