"""The notes by problems, every line traceable."""
