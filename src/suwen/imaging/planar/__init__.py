"""Single pictures: what every 2D task does alike."""
