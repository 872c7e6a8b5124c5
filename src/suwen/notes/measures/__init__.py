"""Values with units, dates and number words."""
