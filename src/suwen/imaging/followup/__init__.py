"""The same nodule on two studies."""
