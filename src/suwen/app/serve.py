"""The workbench on its port: store, durable jobs and server wired together."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from suwen.app.diagnose import Diagnosis, answer
from suwen.app.gateway import beside
from suwen.app.importing import Importing
from suwen.app.jobs import Work, doing
from suwen.app.outputs import outputs
from suwen.app.paging import Pager
from suwen.app.services import open_jobs
from suwen.core.errors import BadInput
from suwen.core.settings import Settings, settings
from suwen.gateway.notifier import Notifier
from suwen.records import Store
from suwen.records.streams.door import Door

CLOSING_S = 3
"""Seconds that open streams of boards may hold up the end."""


@contextmanager
def workbench(chosen: Settings) -> Iterator[object]:
    """Yield the ASGI application of a store; jobs a crash interrupted go on at once."""
    from suwen.server.app import create_app

    with Store.open(chosen) as store:
        diagnosis = Diagnosis(store, chosen.search)
        work: dict[str, Work] = {
            "diagnose": diagnosis,
            "intake": diagnosis,
            "import": Importing(store, doing),
        }
        jobs = open_jobs(store, chosen, "server", work)
        try:
            notifier = Notifier.of(chosen.home)
            pager = Pager(store, notifier)
            app = create_app(store, chosen, jobs, answer, outputs(store), pager)
            door = app.state.bench.door
            with watched(store, chosen, door, notifier), beside(store, chosen, door):
                yield app
        finally:
            jobs.close()


@contextmanager
def watched(store: Store, chosen: Settings, door: Door, notifier: Notifier) -> Iterator[None]:
    """Watch rules and silence meanwhile, unless that is done elsewhere (`SUWEN_ALARMS`).

    What comes in by the server's own door is looked at without asking the store for it.
    """
    if not chosen.alarms:
        yield
        return
    from suwen.app.alarm import Alarm

    alarm = Alarm(store, notifier)
    alarm.start()
    door.listen(alarm.take)
    try:
        yield
    finally:
        alarm.close()


def run_server(
    host: str,
    port: int,
    chosen: Settings | None = None,
    ready: Callable[[int], None] | None = None,
) -> None:
    """Serve until interrupted; `ready` is called with the port once it is bound.

    Raises
    ------
    BadInput
        The port is taken, or the address is not one of this machine.
    """
    import uvicorn

    chosen = chosen or settings()
    with (
        workbench(chosen) as app,
        # Named as TCP, or asyncio leaves Nagle's algorithm on: 40 ms more for every answer.
        socket.socket(
            socket.AF_INET6 if ":" in host else socket.AF_INET,
            socket.SOCK_STREAM,
            socket.IPPROTO_TCP,
        ) as bound,
    ):
        number = _bind(bound, host, port)
        config = uvicorn.Config(
            app,  # type: ignore[arg-type]
            log_level=chosen.log_level,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=CLOSING_S,
        )
        logging.getLogger("uvicorn.error").setLevel(chosen.log_level.upper())
        if ready:
            ready(number)
        uvicorn.Server(config).run(sockets=[bound])


def _bind(bound: socket.socket, host: str, port: int) -> int:
    """Take a port (0: any free one) and return its number."""
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            got, expected = f"port {port} of {host} is in use", "a free port"
            todo = "stop the program that has it, or choose another with --port or SUWEN_PORT"
        elif error.errno == errno.EACCES:
            got, expected = f"port {port} is reserved for the administrator", "a port above 1023"
            todo = "choose another with --port or SUWEN_PORT, with a reverse proxy before it"
        else:
            got, expected = f"{host} is no address of this machine", "an address it has"
            todo = "choose 127.0.0.1 for this machine alone, or 0.0.0.0 for all its addresses"
        raise BadInput(got, expected, todo) from None
    return int(bound.getsockname()[1])
