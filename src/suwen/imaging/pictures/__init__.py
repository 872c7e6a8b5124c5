"""Single greyscale pictures: what networks read, what changes them, what is shown."""
