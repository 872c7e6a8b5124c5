"""The room of personal health: early warning, risk and advice from records and streams."""
