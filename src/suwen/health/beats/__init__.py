"""Heart beats of an ECG: their classes, the events they make, and what readers said of them."""
