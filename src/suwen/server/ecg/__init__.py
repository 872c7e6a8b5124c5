"""What the ECG viewer shows."""
