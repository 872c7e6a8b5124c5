"""What a person who starts the workbench is told when its address cannot be had."""

from __future__ import annotations

import errno
import os
import socket
import time

import pytest

from suwen.app import gateway
from suwen.app.serve import run_server
from suwen.core.errors import BadInput
from suwen.core.settings import Settings
from suwen.records import Store
from suwen.records.streams.door import Door


@pytest.fixture
def taken():
    """A port of this machine that another program has."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def test_a_port_in_use_is_one_clear_error(tmp_path, taken):
    with pytest.raises(BadInput, match=f"port {taken} of 127.0.0.1 is in use") as error:
        run_server("127.0.0.1", taken, Settings(home=tmp_path))
    assert "--port" in error.value.todo


@pytest.mark.parametrize("host", ["192.0.2.7", "no.such.host.invalid"])
def test_an_address_of_another_machine_is_one_clear_error(tmp_path, host):
    with pytest.raises(BadInput, match=f"{host} is no address of this machine"):
        run_server(host, 0, Settings(home=tmp_path))


def test_a_reserved_port_is_one_clear_error(tmp_path, monkeypatch):
    def refused(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refused)
    with pytest.raises(BadInput, match="port 80 is reserved"):
        run_server("127.0.0.1", 80, Settings(home=tmp_path))


def test_an_upload_nobody_had_read_goes_while_the_server_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(gateway, "FIRST_THIN_S", 0.01)
    old = tmp_path / "home" / "uploads" / "patient" / "upload"
    new = old.with_name("fresh")
    for folder in (old, new):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    chosen = Settings(home=tmp_path / "home")
    with Store.open(chosen) as store, gateway.beside(store, chosen, Door(store)):
        for _ in range(500):
            if not old.exists():
                break
            time.sleep(0.01)
    assert not old.exists()
    assert new.exists()
