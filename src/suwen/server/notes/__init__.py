"""What pages of notes, terms, summaries and visits show."""
