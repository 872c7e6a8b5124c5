"""The workbench on its port: store, durable jobs and server wired together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from suwen.app.diagnose import Diagnosis, answer
from suwen.app.outputs import outputs
from suwen.app.services import open_jobs
from suwen.core.settings import Settings, settings
from suwen.records import Store


@contextmanager
def workbench(chosen: Settings) -> Iterator[object]:
    """Yield the ASGI application of a store; jobs a crash interrupted go on at once."""
    from suwen.server.app import create_app

    with Store.open(chosen) as store:
        diagnosis = Diagnosis(store, chosen.search)
        jobs = open_jobs(store, chosen, "server", {"diagnose": diagnosis, "intake": diagnosis})
        try:
            yield create_app(store, chosen, jobs, answer, outputs(store))
        finally:
            jobs.close()


def run_server(
    host: str,
    port: int,
    chosen: Settings | None = None,
    ready: Callable[[int], None] | None = None,
) -> None:
    """Serve until interrupted; `ready` is called with the port once it is bound."""
    import socket

    import uvicorn

    chosen = chosen or settings()
    with (
        workbench(chosen) as app,
        socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as bound,
    ):
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        number = bound.getsockname()[1]
        config = uvicorn.Config(
            app,  # type: ignore[arg-type]
            log_level=chosen.log_level,
            access_log=False,
            server_header=False,
        )
        logging.getLogger("uvicorn.error").setLevel(chosen.log_level.upper())
        if ready:
            ready(number)
        uvicorn.Server(config).run(sockets=[bound])
