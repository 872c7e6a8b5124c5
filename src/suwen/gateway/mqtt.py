"""The MQTT door: readings of devices from a broker into the store, acknowledged after the commit.

Devices publish with QoS 1 to TOPIC/DEVICE/readings (`SUWEN_MQTT_TOPIC`, `suwen/v1` as shipped) what
`core.device_messages` describes. Messages are taken in batches, by number and by time; only what a
committed transaction holds is acknowledged, so a kill at any moment loses nothing: the broker sends
it again, and what is stored already is absorbed.

Back-pressure is the protocol's own (MQTT 5.0 section 4.9, flow control): the broker never has more
than `WINDOW` messages on the way, whatever waits in its queue. For Mosquitto say `persistence true`
and `max_queued_messages 0`, or it drops what its queue does not hold. The broker's own
acknowledgement to a device only means that the broker has it: its disk is the broker's concern.

A broker that does not answer MQTT 5.0 is asked in MQTT 3.1.1, which has no such limit: there what
is not read yet waits in the connection and in the broker.

Sources: MQTT 5.0 (OASIS 2019), MQTT 3.1.1 (OASIS 2014); paho-mqtt 2, `manual_ack` and the external
loop of its client.
"""

from __future__ import annotations

import logging
import select
import ssl
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from suwen.core.errors import BadInput, Conflict, Denied, StorageUnavailable
from suwen.gateway.backlog import Backlog, Teller
from suwen.gateway.mqtt_client import Client
from suwen.records.streams.door import Door, Message
from suwen.records.streams.gateway_state import GatewayState

WINDOW: Final = 4096
"""Messages that the broker may have sent and that are not acknowledged yet."""
FOR_EVER: Final = 0xFFFFFFFF
"""Seconds the broker keeps the session of a door that is away: it never expires."""
KEEP_ALIVE_S: Final = 30
LONGEST_PAUSE_S: Final = 30.0
LARGEST_MESSAGE: Final = 1024 * 1024
"""Bytes of a message that is read; of a longer one `CUT` bytes are set aside."""
CUT: Final = 4096
NOT_ADMITTED: Final = frozenset({133, 134, 135, 138})
"""Reason codes of a broker that does not let us in: id, password, not authorised, banned."""
TAKEN_OVER: Final = 142
ACCEPT_S: Final = 5.0
"""Seconds a broker may take to accept a connection."""
SHORT_S: Final = 10.0
"""A connection that ends sooner counts as a failed one: the next waits longer."""
PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
_log = logging.getLogger("suwen.mqtt")


@dataclass(frozen=True)
class Broker:
    """Where the broker is, and how to sign in there."""

    host: str
    port: int
    tls: bool = False
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def of(cls, url: str) -> Broker:
        """Return the broker of `mqtt://USER:PASSWORD@HOST:PORT` or `mqtts://...`.

        Raises
        ------
        BadInput
            It is no such address.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or PORTS[parts.scheme]
            if not parts.hostname or parts.path.strip("/"):
                raise ValueError
        except (ValueError, KeyError):
            raise BadInput(
                "SUWEN_MQTT_URL is no address of a broker" if url else "no broker is named",
                "mqtt://HOST, mqtts://HOST (TLS), or with USER:PASSWORD@ before the host",
                "set SUWEN_MQTT_URL",
            ) from None
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.hostname, port, parts.scheme == "mqtts", user, password)


@dataclass(frozen=True)
class Listening:
    """How messages are taken.

    Parameters
    ----------
    client
        Name of the session at the broker; one gateway at a time may use it.
    topic
        What stands before DEVICE/readings.
    batch
        Messages of one commit, at most.
    seconds
        How long a message waits for others, at most.
    pause
        Seconds until a broker that is away is tried again; each time twice as many.
    """

    client: str
    topic: str = "suwen/v1"
    batch: int = 1000
    seconds: float = 0.05
    pause: float = 1.0


@dataclass
class Tally:
    """What came in since the gateway began."""

    messages: int = 0
    commits: int = 0
    stored: int = 0
    absorbed: int = 0
    refused: Counter[str] = field(default_factory=Counter)


class Gateway:
    """Takes what devices publish, until told to stop. Runs in the thread that calls `run`.

    Parameters
    ----------
    door
        Where messages are judged and stored.
    ready
        Called each time the broker has accepted the subscription.
    tell
        Called with how the gateway stands, when that changes and every few seconds.
    """

    def __init__(
        self,
        door: Door,
        broker: Broker,
        listening: Listening,
        ready: Callable[[], None] = lambda: None,
        tell: Teller = lambda _: None,
    ) -> None:
        self.tally = Tally()
        self.backlog = Backlog(tell)
        self._door = door
        self._broker = broker
        self._listening = listening
        self._ready = ready
        self._waiting: list[tuple[int, Message]] = []
        self._since = 0.0
        self._refusal: Exception | None = None
        self._accepted = False
        self._client = self._made(mqtt.MQTTv5)

    def run(self, stop: Event) -> Tally:
        """Take messages until `stop` is set; what was received is stored and acknowledged first.

        A broker that is away is tried again, less and less often.

        Raises
        ------
        Denied
            The broker does not let us in.
        Conflict
            Another gateway of this store has taken the session over.
        """
        pause = self._listening.pause
        while not stop.is_set():
            began = time.monotonic()
            try:
                self._connect()
                self._take(stop)
                if not stop.is_set():
                    self._choose_protocol()
            except (OSError, ssl.SSLError) as error:
                _log.warning("the broker does not answer: %s", type(error).__name__)
            if time.monotonic() - began > SHORT_S:
                pause = self._listening.pause
            self._waiting.clear()  # Not acknowledged: the broker sends it again.
            self.backlog.stands(GatewayState.AWAY)
            if self._refusal is not None:
                raise self._refusal
            if not stop.is_set():
                stop.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
        return self.tally

    def _choose_protocol(self) -> None:
        """Ask a broker that did not accept MQTT 5.0 in MQTT 3.1.1, and the other way round."""
        if self._accepted:
            _log.warning("the connection to the broker ended; it is tried again")
            return
        _log.info("the broker did not accept the connection; it is asked in another version")
        newer = self._client.protocol == mqtt.MQTTv5
        self._client = self._made(mqtt.MQTTv311 if newer else mqtt.MQTTv5)

    def _made(self, protocol: MQTTProtocolVersion) -> mqtt.Client:
        client = Client(self._listening.client, protocol, self._arrived)
        if self._broker.user:
            client.username_pw_set(self._broker.user, self._broker.password)
        if self._broker.tls:
            client.tls_set()
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_subscribe = lambda *_: self._ready()
        return client

    def _connect(self) -> None:
        self._accepted = False
        place = self._broker.host, self._broker.port, KEEP_ALIVE_S
        if self._client.protocol != mqtt.MQTTv5:
            self._client.connect(*place)
            return
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = FOR_EVER
        properties.ReceiveMaximum = max(WINDOW, self._listening.batch)
        self._client.connect(*place, clean_start=False, properties=properties)

    def _connected(
        self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if reason.is_failure:
            if reason.value in NOT_ADMITTED:
                self._refusal = Denied(
                    f"the broker does not let the gateway in ({reason})",
                    "a user of the broker who may read the topic",
                    "correct user and password in SUWEN_MQTT_URL",
                )
            return
        self._accepted = True
        client.subscribe(f"{self._listening.topic}/+/readings", qos=1)

    def _disconnected(
        self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if reason.value == TAKEN_OVER:
            self._refusal = Conflict(
                "another gateway of this store takes over at this broker",
                "one gateway a store and broker",
                "stop the other one",
            )

    def _arrived(self, number: int, topic: str, payload: bytes) -> None:
        if not self._waiting:
            self._since = time.monotonic()
        device = topic.removesuffix("/readings").rpartition("/")[2]
        if len(payload) > LARGEST_MESSAGE:
            payload = payload[:CUT]  # No JSON any more: it is set aside as malformed.
        self._waiting.append((number, Message(device, payload)))

    def _take(self, stop: Event) -> None:
        """Read, commit and acknowledge in turn until the connection ends."""
        client, listening = self._client, self._listening
        until = time.monotonic() + ACCEPT_S
        while (sock := client.socket()) is not None:
            if stop.is_set():
                self._flush(stop)
                client.disconnect()
                return
            if not self._accepted and time.monotonic() > until:
                client.disconnect()
                return
            left = 0.0 if _pending(sock) else 0.25
            if self._waiting:
                left = min(left, max(0.0, self._since + listening.seconds - time.monotonic()))
            writes = [sock] if client.want_write() else []
            readable, writable, _ = select.select([sock], writes, [], left)
            if readable or _pending(sock):
                self._read(listening.batch)
            if writable and client.loop_write():
                return
            if client.loop_misc():
                return
            if not readable and not self._waiting and self._accepted:
                self.backlog.taken(0)
            full = len(self._waiting) >= listening.batch
            if full or (self._waiting and time.monotonic() >= self._since + listening.seconds):
                self._flush(stop)

    def _read(self, most: int) -> None:
        """Read messages while there are any, until so many wait."""
        before = -1
        while before < len(self._waiting) < most and self._client.socket() is not None:
            before = len(self._waiting)
            if self._client.loop_read():
                return

    def _flush(self, stop: Event) -> None:
        """Store what waits, then acknowledge it; a store that cannot be written is tried again."""
        if not self._waiting:
            return
        pause = 0.5
        while True:
            try:
                outcome = self._door.receive([message for _, message in self._waiting])
                break
            except (StorageUnavailable, Conflict) as error:
                self.backlog.stands(GatewayState.BLOCKED)
                _log.warning("readings wait for the store: %s", error.got)
                until = time.monotonic() + pause
                while time.monotonic() < until:
                    # keeps the session alive; nothing is read meanwhile, so the broker waits too
                    if stop.wait(0.5) or self._client.loop_misc():
                        self._waiting.clear()
                        return
                pause = min(2 * pause, LONGEST_PAUSE_S)
        for number, _ in self._waiting:
            if number:  # What was published with QoS 0 has none.
                self._client.ack(number, 1)
        self.backlog.taken(len(self._waiting) / self._listening.batch)
        self.tally.messages += len(self._waiting)
        self.tally.commits += 1
        self.tally.stored += outcome.kept.stored
        self.tally.absorbed += outcome.kept.absorbed
        self.tally.refused.update(outcome.refused)
        self._waiting.clear()


def _pending(sock: Any) -> bool:
    """Whether a TLS connection holds bytes that `select` does not see."""
    pending = getattr(sock, "pending", None)
    return bool(pending and pending())
