"""Whose data they are, under which key, and what stands for them."""
