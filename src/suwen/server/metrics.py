"""Prometheus series of the server. Labels are routes, tasks, bands and states: never a person."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from suwen.core.nouns import Act, Report

SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The series of one server."""

    def __init__(self) -> None:
        self.registry = one = CollectorRegistry()
        self.requests = Counter(
            "suwen_http_requests_total", "Requests", ["route", "method", "status"], registry=one
        )
        self.request_seconds = Histogram(
            "suwen_http_request_seconds",
            "Time of a request",
            ["route"],
            buckets=SECONDS,
            registry=one,
        )
        self.task_findings = Counter(
            "suwen_task_findings_total",
            "Findings answered through the API",
            ["task", "band"],
            registry=one,
        )
        self.task_seconds = Histogram(
            "suwen_task_seconds",
            "Time of one task on one case",
            ["task"],
            buckets=SECONDS,
            registry=one,
        )
        self.task_errors = Counter(
            "suwen_task_errors_total",
            "Tasks that ended with an error",
            ["task", "error"],
            registry=one,
        )
        self.acts = Counter(
            "suwen_acts_total", "Human acts on findings and reports", ["task", "act"], registry=one
        )
        self.sign_ins = Counter(
            "suwen_sign_ins_total", "Sign-in attempts", ["result"], registry=one
        )
        self.alarm_pulse = Gauge(
            "suwen_alarm_heartbeat_age_seconds",
            "Seconds since the alarm engine was last alive; infinite where it never was",
            registry=one,
        )
        self.gateway = Gauge(
            "suwen_gateway_state",
            "1 for how the MQTT gateway stands: listening, behind, blocked, away",
            ["state"],
            registry=one,
        )
        self.jobs = Gauge("suwen_jobs", "Known jobs by state", ["kind", "state"], registry=one)

    def add_task(self, task: str) -> None:
        """Make the series of a task exist before its first run."""
        self.task_seconds.labels(task)
        for band in ("rule-in", "grey", "rule-out", "abstain"):
            self.task_findings.labels(task, band)

    def count_act(self, report: Report, finding: str, act: Act) -> None:
        """Count what a person did with a finding, or with the whole report."""
        task = next((f.task for f in report.findings if f.id == finding), "")
        self.acts.labels(task, act.value).inc()

    def text(self) -> bytes:
        """Return the exposition text."""
        return generate_latest(self.registry)
