"""A lung nodule at a point: its borders, its measures, how suspicious it is."""
