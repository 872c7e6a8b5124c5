"""The one place that wires rooms together: durable diagnosis, the demo, the entry point."""
