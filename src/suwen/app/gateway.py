"""The gateway as a process: a store, the door of devices, and the broker they publish to."""

from __future__ import annotations

import fcntl
import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread, current_thread, main_thread
from typing import Final

from suwen.core.errors import Conflict
from suwen.core.settings import Settings, settings
from suwen.gateway.mqtt import Broker, Gateway, Listening, Tally
from suwen.records import Store
from suwen.records.retention import Retention, thin
from suwen.records.store import OPERATOR
from suwen.records.stream_door import Door, Judgement

THIN_EVERY_S: Final = 6 * 3600.0


def run_gateway(
    url: str = "",
    ready: Callable[[], None] = lambda: None,
    chosen: Settings | None = None,
    stop: Event | None = None,
) -> tuple[str, ...]:
    """Store what devices publish until interrupted (SIGINT, SIGTERM), or until `stop` is set.

    Returns
    -------
    tuple of str
        What came in, a line each.

    Raises
    ------
    BadInput
        No broker is named.
    Denied
        The broker does not let us in.
    Conflict
        Another gateway of this store is running.
    """
    chosen, stop = chosen or settings(), stop or Event()
    broker = Broker.of(url or chosen.mqtt_url.get_secret_value())
    logging.getLogger("suwen").setLevel(chosen.log_level.upper())
    if current_thread() is main_thread():
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, lambda *_: stop.set())
    with Store.open(chosen) as store, _alone(chosen.home):
        seconds = chosen.stream_batch_ms / 1000
        client = f"suwen-{store.secrets.file_name('mqtt')[:16]}"
        listening = Listening(client, chosen.mqtt_topic, chosen.stream_batch, seconds)
        gateway = Gateway(Door(store, Judgement.of(chosen)), broker, listening, ready)
        keeper = Thread(target=_keep, args=(store, Retention.of(chosen), stop), daemon=True)
        keeper.start()
        try:
            tally = gateway.run(stop)
        finally:
            stop.set()
            keeper.join()
    return _lines(tally)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Hold the lock of the gateway; it ends with the process, however that ends.

    Raises
    ------
    Conflict
        Another process holds it: two would take the session from each other in turn.
    """
    folder = home / "locks"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "gateway.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Conflict(
                "a gateway of this store is running", "one at a time", "stop the other one"
            ) from None
        yield


def _keep(store: Store, retention: Retention, stop: Event) -> None:
    """Thin what is old enough, now and then."""
    while retention != Retention() and not stop.wait(60):
        thin(store, retention, OPERATOR)
        stop.wait(THIN_EVERY_S)


def _lines(tally: Tally) -> tuple[str, ...]:
    refused = (f"set aside: {n} {state}" for state, n in sorted(tally.refused.items()))
    return (
        f"{tally.messages} messages in {tally.commits} commits",
        f"{tally.stored} readings stored, {tally.absorbed} had been stored before",
        *refused,
    )
