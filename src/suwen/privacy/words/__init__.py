"""Words, numbers and identifiers, read through their disguises."""
