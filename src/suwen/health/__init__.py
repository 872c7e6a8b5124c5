"""Personal health: early warning, published risk and advice from records and streams."""
