"""People and programs at the server, without a screen; questions it may be asked."""

from __future__ import annotations

import scene
from fastapi.testclient import TestClient

from suwen.core.codes import Text
from suwen.lifecycle.kinds import Choice, Value
from suwen.lifecycle.task import Reads
from suwen.server.app import create_app
from suwen.server.held.outputs import Output


def _summary(case: object, report: object, language: str) -> bytes:
    return f"{language}:{report.id}".encode()  # type: ignore[attr-defined]


class Desk:
    """A browser without a screen: keeps cookies and sends the form's token."""

    def __init__(self, clinic: scene.Clinic, name: str = "", language: str = "en") -> None:
        outputs = {"txt": Output(scene.Text(en="Text", zh="文本"), "text/plain", ".txt", _summary)}
        self.app = create_app(clinic.store, clinic.settings, clinic.jobs, clinic.run, outputs)
        self.http = TestClient(self.app, raise_server_exceptions=True)
        self.http.cookies.set("suwen_language", language)
        if name:
            answer = self.sign_in(name)
            assert answer.status_code == 303, answer.text

    def token(self, address: str = "/sign-in") -> str:
        text = self.http.get(address).text
        return text.partition('name="csrf" value="')[2].partition('"')[0]

    def sign_in(self, name: str, password: str = scene.PASSWORD, next: str = "/"):
        form = {"csrf": self.token(), "name": name, "password": password, "next": next}
        return self.http.post("/sign-in", data=form, follow_redirects=False)

    def get(self, address: str, **more):
        return self.http.get(address, follow_redirects=False, **more)

    def post(self, address: str, htmx: bool = True, **form):
        headers = {"HX-Request": "true"} if htmx else {}
        data = {"csrf": self.token("/"), **form}
        return self.http.post(address, data=data, headers=headers, follow_redirects=False)


def api(clinic: scene.Clinic, name: str) -> TestClient:
    """Return a program that signed in for a bearer token."""
    app = create_app(clinic.store, clinic.settings, clinic.jobs, clinic.run)
    program = TestClient(app, raise_server_exceptions=True)
    answer = program.post("/api/sign-in", json={"name": name, "password": scene.PASSWORD})
    assert answer.status_code == 200, answer.text
    program.headers["Authorization"] = f"Bearer {answer.json()['token']}"
    return program


class Question:
    """The describing half of a Task; the server reads nothing else of it."""

    def __init__(self, name: str, reads: str, answers: object, after: tuple[str, ...] = ()) -> None:
        self.name = name
        self.title = Text(en=f"The question {name}", zh=f"问题 {name}")
        self.reads = (Reads(reads, "CT" if reads == "ImagingStudy" else ""),)
        self.answers = answers
        self.after = after
        self.datasets = ("toy",)
        self.perturbations = ()


BENIGN = scene.codes.Code(system="s", code="b", name=Text(en="Benign", zh="良性"))
MALIGNANT = scene.codes.MALIGNANCY_PROBABILITY
QUESTIONS = (
    Question("imaging.nodule_malignancy", "ImagingStudy", Choice((BENIGN, MALIGNANT))),
    Question("toy.crp_tomorrow", "Observation", Value(scene.codes.VOLUME, "mg/L")),
)
