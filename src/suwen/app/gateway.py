"""The gateway of devices: a process of its own (`suwen gateway`), or a thread beside the server."""

from __future__ import annotations

import fcntl
import gc
import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread, current_thread, main_thread
from typing import Final

from suwen.core.errors import Conflict, SuwenError
from suwen.core.settings import Settings, settings
from suwen.gateway.mqtt import Broker, Gateway, Listening, Tally
from suwen.health.readings.acceleration import derived
from suwen.records import Store
from suwen.records.store import OPERATOR
from suwen.records.streams import gateway_state
from suwen.records.streams.door import Door, Judgement
from suwen.records.streams.gateway_state import GatewayState
from suwen.records.streams.retention import Retention, thin
from suwen.records.uploads import sweep

THIN_EVERY_S: Final = 6 * 3600.0
FIRST_THIN_S: Final = 60.0
_log = logging.getLogger("suwen.gateway")


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
    with Store.open(chosen) as store, _alone(chosen.home), _kept(store, chosen, stop):
        door = Door(store, Judgement.of(chosen), derived)
        gateway = Gateway(door, broker, listening(store, chosen), ready, _teller(store))
        gc.freeze()  # What is loaded stays: a sixth of the time went into searching it for garbage.
        return _lines(gateway.run(stop))


@contextmanager
def beside(store: Store, chosen: Settings, door: Door) -> Iterator[None]:
    """Run the gateway in a thread beside the server, where `SUWEN_MQTT_URL` names a broker.

    Where a gateway of this store is running already, or the broker does not let us in, a line in
    the log says so and the server goes on.
    """
    stop = Event()
    if not (url := chosen.mqtt_url.get_secret_value()):
        with _kept(store, chosen, stop):
            yield
        return
    gateway = Gateway(door, Broker.of(url), listening(store, chosen), tell=_teller(store))

    def run() -> None:
        try:
            with _alone(chosen.home):
                gateway.run(stop)
        except SuwenError as error:
            _log.error("no readings come in by MQTT: %s", error)

    thread = Thread(target=run, name="gateway")
    with _kept(store, chosen, stop):
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def _teller(store: Store) -> Callable[[GatewayState], None]:
    """Return how the gateway's state is written; a store that takes nothing is told nothing."""

    def tell(state: GatewayState) -> None:
        with suppress(SuwenError):
            gateway_state.tell(store, state)

    return tell


def listening(store: Store, chosen: Settings) -> Listening:
    """Return how this store listens: under a name of its own at the broker."""
    client = f"suwen-{store.secrets.file_name('mqtt')[:16]}"
    seconds = chosen.stream_batch_ms / 1000
    return Listening(client, chosen.mqtt_topic, chosen.stream_batch, seconds)


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


@contextmanager
def _kept(store: Store, chosen: Settings, stop: Event) -> Iterator[None]:
    """Now and then remove uploads nobody had read, and thin what the settings call old."""
    retention = Retention.of(chosen)

    def keep() -> None:
        pause = FIRST_THIN_S
        while not stop.wait(pause):
            try:
                sweep(store.home)
                thin(store, retention, OPERATOR)
            except SuwenError as error:
                _log.error("old readings were not thinned: %s", error)
            pause = THIN_EVERY_S

    keeper = Thread(target=keep, name="retention")
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        keeper.join()


def _lines(tally: Tally) -> tuple[str, ...]:
    refused = (f"set aside: {n} {state}" for state, n in sorted(tally.refused.items()))
    return (
        f"{tally.messages} messages in {tally.commits} commits",
        f"{tally.stored} readings stored, {tally.absorbed} had been stored before",
        *refused,
    )
