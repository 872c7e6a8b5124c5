"""`suwen gateway`: readings of devices from an MQTT broker into the store."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    context: typer.Context,
    url: Annotated[
        str, typer.Option(help="Broker, mqtt://HOST or mqtts://HOST; default SUWEN_MQTT_URL.")
    ] = "",
) -> None:
    """Store what registered devices publish to TOPIC/DEVICE/readings, until interrupted."""
    for line in context.obj.gateway(url):
        typer.echo(line)
