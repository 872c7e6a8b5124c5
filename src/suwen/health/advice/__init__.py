"""What guidelines advise a person, in which order, and as a care plan."""
