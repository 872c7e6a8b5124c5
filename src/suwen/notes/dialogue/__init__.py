"""From the talk of a visit to the lines of a draft."""
