"""The one place that wires rooms together: durable diagnosis, the demo, the entry point."""

from suwen.app import rooms
from suwen.core import registry

registry.provide(rooms.load)
