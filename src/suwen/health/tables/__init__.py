"""Questions about one row of a table: heart disease, diabetes, survival."""
