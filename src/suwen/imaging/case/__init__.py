"""The image series of a Case, and the points people give in them."""
