"""The registry is a dict: it finds by name and refuses a second Task of the same name."""

from types import SimpleNamespace

import pytest

from suwen.core import registry
from suwen.core.errors import Conflict, NotFound


@pytest.fixture(autouse=True)
def empty(monkeypatch):
    monkeypatch.setattr(registry, "_tasks", {})
    monkeypatch.setattr(registry, "_rooms", [])


def test_rooms_are_loaded_once_at_the_first_look_up():
    calls = []

    def load():
        calls.append(1)
        registry.register(SimpleNamespace(name="b.two"))
        registry.register(SimpleNamespace(name="a.one"))

    registry.provide(load)
    assert not calls
    assert [task.name for task in registry.tasks()] == ["a.one", "b.two"]
    assert registry.find("b.two").name == "b.two"
    assert calls == [1]


def test_a_second_task_of_one_name_is_refused():
    registry.register(SimpleNamespace(name="a.one"))
    with pytest.raises(Conflict, match="a second task"):
        registry.register(SimpleNamespace(name="a.one"))


def test_an_unknown_task_names_the_known_ones():
    registry.register(SimpleNamespace(name="a.one"))
    with pytest.raises(NotFound, match=r"a\.one"):
        registry.find("a.two")
