"""Single readings of devices: what they measure, and which of them can be true."""
